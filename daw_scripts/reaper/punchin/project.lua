-- The project that is in front: its rate, its folder for clips, its name among others, and what is found by GUID.
local clip_of = require("punchin.clip")

local project = {}

local SECTION = "punchin"

-- Frames a second that positions are counted in.
function project.rate()
  if reaper.GetSetProjectInfo(0, "PROJECT_SRATE_USE", 0, false) == 1 then
    return math.tointeger(reaper.GetSetProjectInfo(0, "PROJECT_SRATE", 0, false))
  end
  local known, rate = reaper.GetAudioDeviceInfo("SRATE")
  return known and math.tointeger(tonumber(rate)) or 48000
end

-- The nearest frame of the project, in seconds.
function project.on_frame(seconds)
  local rate = project.rate()
  return math.floor(seconds * rate + 0.5) / rate
end

-- The folder that clips are written to; it is made where it is missing.
function project.folder()
  local folder = reaper.GetProjectPathEx(0) .. "/punchin"
  reaper.RecursiveCreateDirectory(folder, 0)
  return folder
end

function project.get(key)
  local _, value = reaper.GetProjExtState(0, SECTION, key)
  return (value:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

-- A value is a line of the project file: lyrics have several.
function project.set(key, value)
  reaper.SetProjExtState(0, SECTION, key, (value:gsub("[%c%%]", function(byte) return ("%%%02X"):format(byte:byte()) end)))
end

-- A name that stays with the project, saved or not.
function project.id()
  local id = project.get("project")
  if id == "" then
    id = ("%x-%x"):format(os.time(), math.random(0, 0xffffffff))
    project.set("project", id)
  end
  return id
end

-- Nil once the user has deleted it.
function project.track(guid)
  for index = 0, reaper.CountTracks(0) - 1 do
    local track = reaper.GetTrack(0, index)
    if reaper.GetTrackGUID(track) == guid then
      return track
    end
  end
end

function project.item_guid(item)
  local _, guid = reaper.GetSetMediaItemInfo_String(item, "GUID", "", false)
  return guid
end

function project.take_guid(take)
  local _, guid = reaper.GetSetMediaItemTakeInfo_String(take, "GUID", "", false)
  return guid
end

-- Where the first frame of a take's file plays, or would play: it stays when the item is trimmed, and moves with it.
function project.anchor(item, take)
  local offset = reaper.GetMediaItemTakeInfo_Value(take, "D_STARTOFFS")
  local position = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  return position - offset / reaper.GetMediaItemTakeInfo_Value(take, "D_PLAYRATE")
end

-- Nil once the user has deleted it.
function project.item(guid)
  for index = 0, reaper.CountMediaItems(0) - 1 do
    local item = reaper.GetMediaItem(0, index)
    if project.item_guid(item) == guid then
      return item
    end
  end
end

-- The item that was selected, and how far the user has moved it since; nil and 0 where it is gone. `place`: of a cookie.
function project.found(place)
  local item = place.item ~= "" and project.item(place.item) or nil
  for index = 0, item and reaper.GetMediaItemNumTakes(item) - 1 or -1 do
    local take = reaper.GetMediaItemTake(item, index)
    if project.take_guid(take) == place.take then
      return item, project.anchor(item, take) - place.anchor
    end
  end
  return item, 0
end

-- The takes of the project that a job made; `number`: only those of its takes with this number.
function project.takes_of(job, number)
  local found = {}
  for index = 0, reaper.CountMediaItems(0) - 1 do
    local item = reaper.GetMediaItem(0, index)
    for at = 0, reaper.GetMediaItemNumTakes(item) - 1 do
      local take = reaper.GetMediaItemTake(item, at)
      local made_of = clip_of.read(take)
      if made_of and made_of.job == job and (not number or made_of.take == number) then
        found[#found + 1] = take
      end
    end
  end
  return found
end

-- Start and end in seconds.
function project.bounds(item)
  local start = reaper.GetMediaItemInfo_Value(item, "D_POSITION")
  return start, start + reaper.GetMediaItemInfo_Value(item, "D_LENGTH")
end

function project.items(track)
  local items = {}
  for index = 0, reaper.CountTrackMediaItems(track) - 1 do
    items[#items + 1] = reaper.GetTrackMediaItem(track, index)
  end
  return items
end

return project
