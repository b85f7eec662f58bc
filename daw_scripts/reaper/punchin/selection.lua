-- What the user has selected. Times are seconds of the project.
local project = require("punchin.project")
local refuse = require("punchin.refuse")

local selection = {}

-- Start and end of the time selection on whole frames, or nil.
function selection.time()
  local start, stop = reaper.GetSet_LoopTimeRange2(0, false, false, 0, 0, false)
  start, stop = project.on_frame(start), project.on_frame(stop)
  if stop > start then
    return start, stop
  end
end

local function selected_items()
  local items = {}
  for index = 0, reaper.CountMediaItems(0) - 1 do
    local item = reaper.GetMediaItem(0, index)
    if reaper.IsMediaItemSelected(item) then
      items[#items + 1] = item
    end
  end
  return items
end

function selection.tracks()
  local tracks = {}
  for index = 0, reaper.CountSelectedTracks(0) - 1 do
    tracks[#tracks + 1] = reaper.GetSelectedTrack(0, index)
  end
  return tracks
end

local function items_of_selected_tracks()
  local items = {}
  for _, track in ipairs(selection.tracks()) do
    table.move(project.items(track), 1, reaper.CountTrackMediaItems(track), #items + 1, items)
  end
  return items
end

-- The audio items that are meant: the selected ones, else those on selected tracks under the time selection.
local function audio_items(from, to)
  local items = selected_items()
  if #items == 0 and from then
    items = items_of_selected_tracks()
  end
  local audio, is_beside = {}, false
  for _, item in ipairs(items) do
    local start, stop = project.bounds(item)
    local take = reaper.GetActiveTake(item)
    if take and not reaper.TakeIsMIDI(take) then
      local is_meant = not from or (start < to and stop > from)
      audio[#audio + 1] = is_meant and item or nil
      is_beside = is_beside or not is_meant
    end
  end
  if #audio == 0 and is_beside then
    refuse("The time selection lies beside what is selected: move it over that, or remove it to mean all of the item.")
  elseif #audio == 0 and #items > 0 then
    refuse("There is no audio in what is selected: MIDI and empty items have to be rendered first.")
  elseif #audio == 0 then
    refuse("Select an audio item first, or a track with audio under the time selection.")
  end
  return audio
end

-- An item with its first and last whole frame, in seconds: { item, from, to }.
local function whole(item)
  local rate = project.rate()
  local start, stop = project.bounds(item)
  return { item = item, from = math.ceil(start * rate - 1e-6) / rate, to = math.floor(stop * rate + 1e-6) / rate }
end

-- Each item from end to end, wherever the time selection is.
function selection.whole()
  local parts = {}
  for _, item in ipairs(audio_items()) do
    parts[#parts + 1] = whole(item)
  end
  return parts
end

-- Each item with the part of it that is selected; all of it where there is no time selection.
function selection.parts()
  local from, to = selection.time()
  local parts = {}
  for _, item in ipairs(audio_items(from, to)) do
    local part = whole(item)
    part.from, part.to = math.max(from or part.from, part.from), math.min(to or part.to, part.to)
    if part.to > part.from then
      parts[#parts + 1] = part
    end
  end
  if #parts == 0 then
    refuse("What is selected is shorter than a frame.")
  end
  return parts
end

return selection
