-- Clips become an item of their own: new music, and what comes before or after an item.
local clip_of = require("punchin.clip")
local notes = require("punchin.notes")
local project = require("punchin.project")
local takes = require("punchin.takes")
local tracks = require("punchin.tracks")

local items = {}

local LINEAR = 0

local function fade(item, name, seconds)
  reaper.SetMediaItemInfo_Value(item, "D_FADE" .. name .. "LEN", seconds)
  reaper.SetMediaItemInfo_Value(item, "D_FADE" .. name .. "LEN_AUTO", -1)
  reaper.SetMediaItemInfo_Value(item, "C_FADE" .. name .. "SHAPE", LINEAR)
end

-- One item for several takes of one stretch. `position`: where its first frame plays; `head` and `tail`: seconds of the
-- clip before and after that which are not shown.
function items.add(track, clips, place, position, head, tail)
  local item = reaper.AddMediaItemToTrack(track)
  local length = clips[1].frames / clips[1].sample_rate
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", position + head)
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", length - head - tail)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  fade(item, "IN", 0)
  fade(item, "OUT", 0)
  local first
  for _, clip in ipairs(clips) do
    local take = clip_of.add(item, clip, place)
    reaper.SetMediaItemTakeInfo_Value(take, "D_STARTOFFS", head)
    first = first or take
  end
  reaper.SetActiveTake(first)
  reaper.UpdateItemInProject(item)
  return item
end

-- The track that was meant, or a new one at the end where it is gone. The second result says which.
local function track_of(place)
  local track = project.track(place.track)
  if track then
    return track, true
  end
  return tracks.at_end("punchin: " .. place.verb), place.track == ""
end

-- How far the user has moved the item that was selected.
local function moved_by(place)
  local item = place.item ~= "" and project.item(place.item)
  return item and reaper.GetMediaItemInfo_Value(item, "D_POSITION") - place.item_start or 0, item
end

local function is_free(track, from, to)
  for _, item in ipairs(project.items(track)) do
    local start, stop = project.bounds(item)
    if start < to and stop > from then
      return false
    end
  end
  return true
end

-- An item at the place that was meant, whatever became of the source; beside the track where something plays there.
function items.place(place, clips)
  local track, found = track_of(place)
  local position = place.zero + moved_by(place) + clips[1].start
  if not is_free(track, position, position + clips[1].frames / clips[1].sample_rate) then
    track = tracks.after(track, "punchin: " .. place.verb)
  end
  items.add(track, clips, place, position, 0, 0)
  return found
end

-- An item that cross-fades with its neighbour for `handles` seconds of the same audio.
function items.join(place, clips)
  local track, found = track_of(place)
  local moved, neighbour = moved_by(place)
  local position = place.zero + moved + clips[1].start
  local is_after = place.side == "after"
  local item = items.add(track, clips, place, position, is_after and 0 or place.handles, is_after and place.handles or 0)
  if neighbour then
    fade(item, is_after and "IN" or "OUT", place.handles)
    fade(neighbour, is_after and "OUT" or "IN", place.handles)
  end
  return found
end

-- Lists of clips, one a part, in the order of the parts.
local function by_part(clips, part)
  local parts, lists = {}, {}
  for _, clip in ipairs(clips) do
    local name = clip.track == "mix" and part or clip.track
    if not lists[name] then
      lists[name] = {}
      parts[#parts + 1] = name
    end
    table.insert(lists[name], clip)
  end
  return parts, lists
end

-- Each part on a track of its own beside the source's: one alone stands by itself, several stand in a folder.
function items.spread(place, clips)
  local source, found = track_of(place)
  local moved, item = moved_by(place)
  local parts, lists = by_part(clips, place.part)
  for number = #parts, 1, -1 do
    local part = parts[number]
    local track
    if place.folder ~= "" then
      track = tracks.in_folder(source, place.folder, part)
    else
      track = tracks.after(source, part, part)
    end
    local clip = lists[part][1]
    local position = place.zero + moved + clip.start
    items.add(track, lists[part], place, position, 0, 0)
    if clip.midi then
      local name = part .. " MIDI"
      local beside = tracks.in_folder(source, place.folder, name, track)
      notes.add(beside, name, clip.midi, position, clip.frames / clip.sample_rate)
    end
  end
  if place.mute == "1" and item then
    reaper.SetMediaItemInfo_Value(takes.cut_out(item, place.from + moved, place.to + moved), "B_MUTE", 1)
  end
  return found
end

return items
