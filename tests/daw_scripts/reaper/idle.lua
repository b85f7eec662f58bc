-- XDG_STATE_HOME=FOLDER lua5.4 idle.lua SCRIPTS MINUTES: lets the background script run with nothing to do, and writes how
-- much of a core it took, in per cent. The clock is of this file, so that an hour passes in a moment; the folder, its files
-- and the work are real. REAPER's own functions cost nothing here.
local scripts, minutes = arg[1], tonumber(arg[2])
local TICKS_A_SECOND = 30

local now, waiting, ext = 0.0, {}, { link = "spool" }
local project = {}

reaper = {
  get_action_context = function() return true, scripts .. "/punchin_background.lua" end,
  set_action_options = function() end,
  defer = function(turn) waiting[#waiting + 1] = turn end,
  atexit = function() end,
  time_precise = function() return now end,
  EnumProjects = function() return project, "/songs/song.rpp" end,
  GetAppVersion = function() return "7.79/linux-x86_64" end,
  GetResourcePath = function() return "/none" end,
  GetOS = function() return "Other" end,
  GetExtState = function(_, key) return ext[key] or "" end,
  SetExtState = function(_, key, value) ext[key] = value end,
  DeleteExtState = function(_, key) ext[key] = nil end,
  GetProjExtState = function() return 1, "" end,
  RecursiveCreateDirectory = function(path) os.execute(("mkdir -p '%s'"):format(path)) end,
}

-- The folder is as the daemon leaves it: what was written is taken, and hello and ping are answered.
local osc = dofile(scripts .. "/punchin/osc.lua")
local folder, written, read
local rename = os.rename
function os.rename(from, to)
  local renamed = rename(from, to)
  folder = to:match("^(.*/)")
  local file = io.open(to, "rb")
  local address, values = osc.decode(file:read("a"))
  file:close()
  os.remove(to)
  read = (read or 0) + 1
  written = address == "/punchin/hello" and 1 or written + 1
  local answer = address == "/punchin/hello" and { "/punchin/welcome", { values[1], 1, "0", "draft", "idle" } }
    or address == "/punchin/presets" and { "/punchin/presets_end", { values[1], 0 } }
    or { "/punchin/pong", { values[1] } }
  local out = io.open(("%sout-%06d.osc"):format(folder, written), "wb")
  out:write(osc.encode(table.unpack(answer)))
  out:close()
  return renamed
end

loadfile(scripts .. "/punchin_background.lua")()
local function pass(seconds)
  for _ = 1, seconds * TICKS_A_SECOND do
    now = now + 1 / TICKS_A_SECOND
    local due = waiting
    waiting = {}
    for _, turn in ipairs(due) do
      turn()
    end
  end
end

pass(60)
assert(read == 2 + 4 or read == 2 + 5, ("%d messages in the first minute"):format(read))
local started = os.clock()
pass(minutes * 60)
local share = (os.clock() - started) / (minutes * 60)
assert(#waiting == 1, "the script has ended")
print(("%.5f"):format(100 * share))
