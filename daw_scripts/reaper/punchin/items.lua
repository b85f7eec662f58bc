-- Clips become an item of their own: new music, and what comes before or after an item.
local clip_of = require("punchin.clip")
local project = require("punchin.project")
local tracks = require("punchin.tracks")

local items = {}

local LINEAR = 0

local function fade(item, name, seconds)
  reaper.SetMediaItemInfo_Value(item, "D_FADE" .. name .. "LEN", seconds)
  reaper.SetMediaItemInfo_Value(item, "D_FADE" .. name .. "LEN_AUTO", -1)
  reaper.SetMediaItemInfo_Value(item, "C_FADE" .. name .. "SHAPE", LINEAR)
end

-- Seconds.
function items.length_of(clip)
  return clip.frames / clip.sample_rate
end

-- Gives an item more takes; the first of them plays. `head`: seconds of the clips that are not shown.
function items.add_takes(item, clips, place, head)
  local first
  for _, clip in ipairs(clips) do
    local take = clip_of.add(item, clip, place, head)
    first = first or take
  end
  reaper.SetActiveTake(first)
  reaper.UpdateItemInProject(item)
end

-- One item for several takes of one stretch. `position`: where its first frame plays; `head` and `tail`: seconds of the
-- clip before and after that which are not shown.
function items.add(track, clips, place, position, head, tail)
  local item = reaper.AddMediaItemToTrack(track)
  reaper.SetMediaItemInfo_Value(item, "D_POSITION", position + head)
  reaper.SetMediaItemInfo_Value(item, "D_LENGTH", items.length_of(clips[1]) - head - tail)
  reaper.SetMediaItemInfo_Value(item, "D_VOL", place.volume or 1)
  reaper.SetMediaItemInfo_Value(item, "B_LOOPSRC", 0)
  fade(item, "IN", 0)
  fade(item, "OUT", 0)
  items.add_takes(item, clips, place, head)
  return item
end

-- The track that the item is on now, else the one that was meant, or a new one at the end where both are gone. The second
-- result says whether it is where it was meant to be, the third whether it is new.
function items.track_of(place)
  local item = project.found(place)
  local track = item and reaper.GetMediaItem_Track(item) or project.track(place.track)
  if track then
    return track, true, false
  end
  return tracks.at_end("punchin: " .. place.verb), place.track == "", true
end

-- Whether nothing plays on a track between two times.
function items.is_free(track, from, to)
  local close = 0.5 / project.rate()
  for _, item in ipairs(project.items(track)) do
    local start, stop = project.bounds(item)
    if start < to - close and stop > from + close then
      return false
    end
  end
  return true
end

-- An item at the place that was meant, whatever became of the source; beside the track where something plays there.
function items.place(place, clips)
  local track, found = items.track_of(place)
  local _, moved = project.found(place)
  local position = place.zero + moved + clips[1].start
  if not items.is_free(track, position, position + items.length_of(clips[1])) then
    track = tracks.after(track, "punchin: " .. place.verb)
  end
  items.add(track, clips, place, position, 0, 0)
  return found
end

-- Whether an item still ends at a time, or begins there; the user may have trimmed it.
local function touches(item, ends, time)
  local start, stop = project.bounds(item)
  return math.abs((ends and stop or start) - time) < 1 / project.rate()
end

-- An item that cross-fades with its neighbour for `handles` seconds of the same audio; beside the track where something
-- plays behind the seam.
function items.join(place, clips)
  local track, found = items.track_of(place)
  local neighbour, moved = project.found(place)
  local position = place.zero + moved + clips[1].start
  local is_after = place.side == "after"
  local stop = position + items.length_of(clips[1])
  local seam = is_after and position + place.handles or stop - place.handles
  if not items.is_free(track, is_after and seam or position, is_after and stop or seam) then
    track = tracks.after(track, "punchin: " .. place.verb)
  end
  local item = items.add(track, clips, place, position, is_after and 0 or place.handles, is_after and place.handles or 0)
  fade(item, is_after and "IN" or "OUT", place.handles)
  if neighbour and touches(neighbour, is_after, seam) then
    fade(neighbour, is_after and "OUT" or "IN", place.handles)
  end
  return found
end

return items
