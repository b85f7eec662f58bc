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

-- Who has a name: since when and as what, where he said so not long ago.
local function owner(path)
  local file = io.open(path, "r")
  if not file then
    return nil
  end
  local said, since, own = file:read("n", "n", "l")
  file:close()
  if said and since and own and os.time() - said <= STALE_SECONDS then
    return { since = since, own = own:match("%S*$") }
  end
end

-- A name that stays the same for this REAPER; another one where a REAPER with the same settings runs beside it.
-- Returns the name and its spool folder; a function that says "still here", to be called every few seconds, and false once
-- the name turns out to belong to another REAPER, which was silent for some time; and one that gives the name back.
function place.client(state)
  local since, own = os.time(), ("%x"):format(math.random(0, 0x7fffffff))
  local base = ("reaper-%08x"):format(hash(reaper.GetResourcePath()))
  for number = 1, 64 do
    local name = number == 1 and base or base .. "-" .. number
    local folder = state .. "/spool/" .. name
    reaper.RecursiveCreateDirectory(folder, 0)
    local path = folder .. "/alive"
    if not owner(path) then
      local function is_ours(other)
        if not other or other.own == own then
          return true
        end
        return other.since > since or other.since == since and other.own > own
      end
      local function alive()
        if not is_ours(owner(path)) then
          return false
        end
        local mark = io.open(path, "w")
        if mark then
          mark:write(("%d %d %s\n"):format(os.time(), since, own))
          mark:close()
        end
        return true
      end
      alive()
      return name, folder, alive, function() return is_ours(owner(path)) and os.remove(path) end
    end
  end
  error("64 REAPERs run with these settings")
end

return place
