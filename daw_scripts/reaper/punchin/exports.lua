-- What was written into the project's folder only to be heard by the daemon, and its end. `more takes` hears it again, so
-- it stays as long as a take names it.
local clip_of = require("punchin.clip")
local project = require("punchin.project")

local exports = {}

local KEPT_SECONDS = 7 * 24 * 3600
local ONCE = { understand = true, extract = true } -- there are no more takes of these

-- A new file name without its ending, which tells project and day.
function exports.name()
  return ("heard %s %s %08x"):format(project.id(), os.date("%Y-%m-%d %H-%M-%S"), math.random(0, 0xffffffff))
end

-- Names of files that takes play, or were made from.
local function used()
  local names = {}
  for index = 0, reaper.CountMediaItems(0) - 1 do
    local item = reaper.GetMediaItem(0, index)
    for number = 0, reaper.GetMediaItemNumTakes(item) - 1 do
      local take = reaper.GetMediaItemTake(item, number)
      local media = reaper.GetMediaItemTake_Source(take)
      local made_of = clip_of.read(take)
      names[made_of and made_of.heard or ""] = true
      names[media and reaper.GetMediaSourceFileName(media):match("[^/\\]*$") or ""] = true
    end
  end
  return names
end

-- To be called once a job is over. `place`: of its cookie; `has_result`: whether it has brought something.
function exports.drop(place, has_result)
  if not place.heard or place.project ~= project.get("project") then
    return
  end
  local is_done_with = has_result and ONCE[place.verb] or not has_result and not used()[place.heard]
  if is_done_with then
    os.remove(project.folder() .. "/" .. place.heard)
  end
end

local function age(name)
  local year, month, day = name:match("(%d%d%d%d)%-(%d%d)%-(%d%d) %d%d%-%d%d%-%d%d %x+%.wav$")
  return year and os.time() - os.time({ year = year, month = month, day = day }) or 0
end

-- Removes the exports of the project in front that no take names and that are older than a week. What only an undo would
-- bring back plays all the same: nothing but more takes of it needs them.
function exports.sweep()
  local id = project.get("project")
  if id == "" then
    return
  end
  local folder, names, index = project.folder(), {}, 0
  reaper.EnumerateFiles(folder, -1) -- forgets what it knew of the folder
  repeat
    local name = reaper.EnumerateFiles(folder, index)
    names[#names + 1], index = name, index + 1
  until not name
  local in_use = used()
  for _, name in ipairs(names) do
    local is_ours = name:sub(1, #"heard " + #id + 1) == "heard " .. id .. " "
    if is_ours and not in_use[name] and age(name) > KEPT_SECONDS then
      os.remove(folder .. "/" .. name)
    end
  end
end

return exports
