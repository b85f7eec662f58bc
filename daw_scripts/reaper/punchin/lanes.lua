-- Clips on a fixed lane of their own, beside copies of what plays on the track: the items of the user stay whole.
local project = require("punchin.project")
local takes = require("punchin.takes")

local lanes = {}

local COPY = "P_EXT:punchin_copy"
local FREE_POSITIONS, FIXED_LANES = 1, 2
local PLAYS_ALONE = 1

local function value(track, name)
  return math.tointeger(reaper.GetMediaTrackInfo_Value(track, name))
end

-- A new lane behind the others, from 0.
local function add_lane(track)
  local has_lanes = value(track, "I_FREEMODE") == FIXED_LANES
  local lane = has_lanes and value(track, "I_NUMFIXEDLANES") or 1
  reaper.SetMediaTrackInfo_Value(track, "I_NUMFIXEDLANES", lane + 1)
  if not has_lanes then
    reaper.SetMediaTrackInfo_Value(track, "I_FREEMODE", FIXED_LANES)
    reaper.UpdateTimeline()
  end
  return lane
end

local function copy(item, track, lane, mark)
  local _, chunk = reaper.GetItemStateChunk(item, "", false)
  chunk = chunk:gsub("(\n%s*I?GUID )%b{}", function(name) return name .. reaper.genGuid("") end)
  local new = reaper.AddMediaItemToTrack(track)
  reaper.SetItemStateChunk(new, chunk, false)
  reaper.SetMediaItemInfo_Value(new, "B_UISEL", 0)
  reaper.SetMediaItemInfo_Value(new, "I_GROUPID", 0)
  reaper.SetMediaItemInfo_Value(new, "I_FIXEDLANE", lane)
  reaper.GetSetMediaItemInfo_String(new, COPY, mark, true)
end

local function copied(track, mark)
  for _, item in ipairs(project.items(track)) do
    local _, text = reaper.GetSetMediaItemInfo_String(item, COPY, "", false)
    if text == mark then
      return item
    end
  end
end

-- The copy of an item on a lane that the jobs of one action share.
function lanes.copy_of(item, group)
  local track = reaper.GetMediaItem_Track(item)
  local function mark_of(one)
    return group .. " " .. project.item_guid(one)
  end
  if not copied(track, mark_of(item)) then
    local beside = value(track, "I_FREEMODE") == FIXED_LANES and reaper.GetMediaItemInfo_Value(item, "I_FIXEDLANE")
    local originals = project.items(track)
    local lane = add_lane(track)
    for _, one in ipairs(originals) do
      if not beside or reaper.GetMediaItemInfo_Value(one, "I_FIXEDLANE") == beside then
        copy(one, track, lane, mark_of(one))
      end
    end
    reaper.SetMediaTrackInfo_Value(track, ("C_LANEPLAYS:%d"):format(lane), PLAYS_ALONE)
    reaper.UpdateItemLanes(0)
  end
  return copied(track, mark_of(item))
end

-- As `takes.place`; where the whole item is meant, or items of the track lie freely, there is no lane.
function lanes.place(place, clips)
  local item, moved = takes.find(place)
  if not item then
    return false
  end
  local start, stop = project.bounds(item)
  local frame = 1 / project.rate()
  local is_part = place.from + moved - start > 0.5 * frame or stop - place.to - moved > 0.5 * frame
  if is_part and value(reaper.GetMediaItem_Track(item), "I_FREEMODE") ~= FREE_POSITIONS then
    item = lanes.copy_of(item, place.group)
  end
  takes.add(item, moved, place, clips)
  return true
end

return lanes
