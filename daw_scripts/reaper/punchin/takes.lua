-- Clips become takes of the item that they stand in for; the item is cut where only a part of it was selected.
local clip_of = require("punchin.clip")
local project = require("punchin.project")

local takes = {}

local function covers(item, from, to)
  local frame = 1 / project.rate()
  local start, stop = project.bounds(item)
  return start <= from + frame and stop >= to - frame
end

-- Whether an item is a part of the one that was selected, split off since: then a file of both begins at the same time.
local function is_part(item, anchor)
  for number = 0, reaper.GetMediaItemNumTakes(item) - 1 do
    local take = reaper.GetMediaItemTake(item, number)
    if math.abs(project.anchor(item, take) - anchor) < 0.5 / project.rate() then
      return true
    end
  end
  return false
end

-- The item, and how far the user has moved it meanwhile; else the part of it that holds the stretch now.
function takes.find(place)
  local item, moved = project.found(place)
  if item and covers(item, place.from + moved, place.to + moved) then
    return item, moved
  end
  local track = item and reaper.GetMediaItem_Track(item) or project.track(place.track)
  for _, other in ipairs(track and project.items(track) or {}) do
    if covers(other, place.from + moved, place.to + moved) and is_part(other, place.anchor + moved) then
      return other, moved
    end
  end
end

local function plain_edge(item, name)
  reaper.SetMediaItemInfo_Value(item, name, 0)
  reaper.SetMediaItemInfo_Value(item, name .. "_AUTO", -1)
end

-- The seams are in the audio: at a cut nothing may fade.
function takes.cut_out(item, from, to)
  local frame = 1 / project.rate()
  local start, stop = project.bounds(item)
  if from - start > 0.5 * frame then
    local left = item
    item = reaper.SplitMediaItem(item, from)
    plain_edge(left, "D_FADEOUTLEN")
    plain_edge(item, "D_FADEINLEN")
  end
  if stop - to > 0.5 * frame then
    local right = reaper.SplitMediaItem(item, to)
    plain_edge(item, "D_FADEOUTLEN")
    plain_edge(right, "D_FADEINLEN")
  end
  return item
end

-- Cuts the stretch out of an item, `moved` so far, and gives it the clips as takes.
function takes.add(item, moved, place, clips)
  item = takes.cut_out(item, place.from + moved, place.to + moved)
  local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  local first
  for _, clip in ipairs(clips) do
    if not place.only or clip.track == place.only then
      local take = clip_of.add(item, clip, place, start - (place.zero + moved + clip.start))
      first = first or take
    end
  end
  reaper.SetActiveTake(first)
  reaper.UpdateItemInProject(item)
end

-- False where there is no item any more that could take them.
function takes.place(place, clips)
  local item, moved = takes.find(place)
  if item then
    takes.add(item, moved, place, clips)
  end
  return item ~= nil
end

return takes
