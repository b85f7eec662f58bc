-- Where the daemon is: what the installer wrote down, or the folder that it uses when nobody chose another.
local hash = require("punchin.hash")

local place = {}

local function from_installer(folder)
  local found = loadfile(folder .. "punchin/config.lua", "t", {})
  return found and found() or {}
end

local function usual_state()
  local system, home = reaper.GetOS(), os.getenv("HOME") or ""
  if system:match("^Win") then
    return (os.getenv("LOCALAPPDATA") or "") .. "/punchin"
  elseif system:match("^OSX") or system:match("^macOS") then
    return home .. "/Library/Application Support/punchin"
  end
  return (os.getenv("XDG_STATE_HOME") or home .. "/.local/state") .. "/punchin"
end

-- `state`: the daemon's folder; `daemon`: the command line that starts it, or nil.
function place.load(folder)
  local place_found = from_installer(folder)
  place_found.state = place_found.state or usual_state()
  return place_found
end

-- The port of the daemon that runs, or nil.
function place.port(state)
  local file = io.open(state .. "/daemon.json", "rb")
  if not file then
    return nil
  end
  local text = file:read("a")
  file:close()
  return math.tointeger(tonumber(text:match('"port"%s*:%s*(%d+)')))
end

local STALE_SECONDS = 10

-- A name that stays the same for this REAPER; another one where a REAPER with the same settings runs beside it.
-- Returns the name, its spool folder, and a function that says "still here" and is to be called every few seconds.
function place.client(state)
  local own = tostring(reaper.time_precise()) .. tostring({})
  local base = ("reaper-%08x"):format(hash(reaper.GetResourcePath()))
  for number = 1, 64 do
    local name = number == 1 and base or base .. "-" .. number
    local folder = state .. "/spool/" .. name
    reaper.RecursiveCreateDirectory(folder, 0)
    local path = folder .. "/alive"
    local file = io.open(path, "r")
    local said = file and tonumber(file:read("l") or "") or 0
    if file then
      file:close()
    end
    if os.time() - said > STALE_SECONDS then
      local function alive()
        local mark = io.open(path, "w")
        if mark then
          mark:write(os.time(), "\n", own, "\n")
          mark:close()
        end
      end
      alive()
      return name, folder, alive, function() os.remove(path) end
    end
  end
  error("64 REAPERs run with these settings")
end

return place
