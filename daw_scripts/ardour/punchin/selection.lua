-- What the user has selected. Times are frames of the session.
local refuse = require("punchin.refuse")
local tempo = require("punchin.tempo")
local tracks = require("punchin.tracks")

local selection = {}

-- Start and end of the selected range, or nil.
function selection.range()
  local time = Editor:get_selection().time
  local from, to = time:start_sample(), time:end_sample()
  if to > from then
    return from, to
  end
end

-- The audio tracks that are selected, or that a range is drawn on.
function selection.tracks()
  local found = {}
  for route in Editor:get_selection().tracks:routelist():iter() do
    found[#found + 1] = tracks.audio(route)
  end
  return found
end

-- The audio regions that are selected, each as { region, track, from, to }.
function selection.regions()
  local found = {}
  for region in Editor:get_selection().regions:regionlist():iter() do
    local track = not region:to_audioregion():isnil() and tracks.of_region(region)
    if track then
      local from = region:position():samples()
      found[#found + 1] = { region = region, track = track, from = from, to = from + region:length():samples() }
    end
  end
  return found
end

-- Each stretch that is meant, as { track, from, to }: the range on each of its tracks that has audio there, else the
-- selected regions from end to end.
function selection.parts()
  local from, to = selection.range()
  if not from then
    local parts = selection.regions()
    if #parts == 0 then
      refuse("Select a range on a track with audio first, or an audio region.")
    end
    return parts
  end
  local parts = {}
  for _, track in ipairs(selection.tracks()) do
    if #tracks.regions(track, from, to) > 0 then
      parts[#parts + 1] = { track = track, from = from, to = to }
    end
  end
  if #parts == 0 then
    refuse("There is no audio in the selected range: draw it on a track with audio regions.")
  end
  return parts
end

-- Stretches in words, for dialogs: the first of them, from one bar and beat to another.
function selection.words(parts)
  local first = parts[1]
  local seconds = (first.to - first.from) / Session:nominal_sample_rate()
  local name = first.track and first.track:name() .. ", " or ""
  local more = #parts > 1 and (", and %d more"):format(#parts - 1) or ""
  local from, to = tempo.bar_and_beat(first.from), tempo.bar_and_beat(first.to)
  return ("%s%s to %s (%.2f s)%s"):format(name, from, to, seconds, more)
end

return selection
