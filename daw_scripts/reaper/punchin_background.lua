-- Talks with the daemon while REAPER runs: sends what actions ask for, and puts the clips on their tracks.
local folder = select(2, reaper.get_action_context()):match("^(.*[/\\])")
package.path = folder .. "?.lua"

local arrivals = require("punchin.arrivals")
local exports = require("punchin.exports")
local fields = require("punchin.fields")
local osc = require("punchin.osc")
local peaks = require("punchin.peaks")
local place_of = require("punchin.place")
local session = require("punchin.session")
local settings = require("punchin.settings")
local spool = require("punchin.spool")
local udp = require("punchin.udp")

local EXTENSION = "punchin"
local STOP_AND_START_AGAIN, LIT, DARK = 3, 4, 8
local TURN_SECONDS = 0.1
local ALIVE_SECONDS = 1
local START_SECONDS = 60
local PATIENCE_SECONDS, PATIENCE_WITH_A_START_SECONDS = 8, 25
local SAME_SECONDS = 2
local LISTENS = { ["/punchin/audition"] = true, ["/punchin/stop"] = true }

reaper.set_action_options(STOP_AND_START_AGAIN | DARK)

local daemon = place_of.load(folder)
local client, spool_folder, still_here, gone = place_of.client(daemon.state)
local taken = 0 -- how many requests of actions
local last_turn, last_alive, started = 0, 0, nil
local told, told_at = nil, 0
local silent_since, is_warned = nil, false
local in_front = reaper.EnumProjects(-1)

-- The same sentence about each of several items comes once.
local function tell(sentence)
  local now = reaper.time_precise()
  if sentence ~= told or now - told_at > SAME_SECONDS then
    reaper.ShowConsoleMsg("punchin: " .. sentence .. "\n")
    told, told_at = sentence, now
  end
end

-- Without its folder and its ending; empty for one that was never saved.
local function project_name()
  local _, path = reaper.EnumProjects(-1)
  return (path:match("[^/\\]*$"):gsub("%.[Rr][Pp][Pp]$", ""))
end

local function start_daemon()
  local now = reaper.time_precise()
  if daemon.daemon and (not started or now - started > START_SECONDS) then
    started = now
    reaper.ExecProcess(daemon.daemon, -2)
  end
end

-- Nobody waits for a daemon without being told; one that starts, or is busy, gets its time.
local function warn(count)
  local now = reaper.time_precise()
  silent_since = silent_since or now
  local patience = daemon.daemon and PATIENCE_WITH_A_START_SECONDS or PATIENCE_SECONDS
  if count > 0 and now - silent_since > patience and not is_warned then
    is_warned = true
    tell("no daemon answers. What you asked for waits for it: `punchin serve` starts one, `punchin doctor` tells more.")
  end
end

local function run_action(name, keys)
  local path = ("%spunchin_%s.lua"):format(folder, name)
  if not reaper.file_exists(path) then
    return tell(("the scripts for REAPER have no action %s."):format(name))
  end
  reaper.SetExtState(EXTENSION, "trigger", fields.encode(keys), false)
  reaper.Main_OnCommand(reaper.AddRemoveReaScript(true, 0, path, true), 0)
end

local function note_link(name)
  reaper.SetExtState(EXTENSION, "via", name, false)
end

-- UDP where it is there and proven, unless the user has settled on the folder.
local function link()
  local found = settings.get("link") ~= "spool" and udp.new(function() return place_of.port(daemon.state) end)
  note_link(found and "udp" or "spool")
  return found or spool.new(spool_folder)
end

local talk
talk = session.new(link(), client, {
  silent = function()
    start_daemon()
    warn(talk:count())
  end,
  welcome = function()
    silent_since, is_warned = nil, false
    talk:request(osc.encode("/punchin/presets", { talk:new_id() }))
  end,
  rejected = function(cookie, message)
    exports.drop(fields.decode(cookie), false)
    tell(message)
  end,
  progress = function(_, fraction, stage)
    reaper.SetExtState(EXTENSION, "progress", ("%.2f %s"):format(fraction, stage), false)
  end,
  results = function(results)
    return arrivals.take(results, function(group) return talk:is_awaited(group) end, tell)
  end,
  ended = function(_, cookie, message)
    exports.drop(fields.decode(cookie), false)
    if message then
      tell(message)
    end
  end,
  project = project_name,
  presets = function(names)
    reaper.SetExtState(EXTENSION, "presets", names, false)
  end,
  run = run_action,
}, { name = "reaper", version = reaper.GetAppVersion() })

-- Takes what actions have left since the last turn. It stays until it is answered: a script that takes the place of this one
-- asks for it again, and the same id is the same request.
local function take_requests()
  local asked = tonumber(reaper.GetExtState(EXTENSION, "asked")) or 0
  while taken < asked do
    taken = taken + 1
    local key = "ask-" .. taken
    local text = reaper.GetExtState(EXTENSION, key)
    local function forget() reaper.DeleteExtState(EXTENSION, key, false) end
    local packet = text:gsub("%x%x", function(code) return string.char(tonumber(code, 16)) end)
    local address, values = osc.decode(packet)
    if address == "/punchin/cancel" then
      forget()
      talk:cancel_all()
    elseif address then
      if #packet > udp.LONGEST and reaper.GetExtState(EXTENSION, "via") == "udp" then
        talk:use(spool.new(spool_folder))
        note_link("spool")
      end
      talk:request(packet, not LISTENS[address], fields.decode(osc.keys(values, 1).cookie or "").group, forget)
    end
  end
end

-- A button of this script is lit while something is rendered; actions read the number.
local function show_open(count)
  local text = tostring(count)
  if reaper.GetExtState(EXTENSION, "open") ~= text then
    reaper.SetExtState(EXTENSION, "open", text, false)
    reaper.set_action_options(STOP_AND_START_AGAIN | (count > 0 and LIT or DARK))
  end
end

-- A REAPER that was silent for long, in a render for instance, is back under its name: this one takes another.
local function give_way()
  client, spool_folder, still_here, gone = place_of.client(daemon.state)
  talk:rename(client, link())
end

local function turn()
  local now = reaper.time_precise()
  if now - last_alive > ALIVE_SECONDS then
    last_alive = now
    if not still_here() then
      give_way()
    end
    reaper.SetExtState(EXTENSION, "background", tostring(now), false)
  end
  if now - last_turn > TURN_SECONDS then
    last_turn = now
    if reaper.EnumProjects(-1) ~= in_front then
      in_front = reaper.EnumProjects(-1)
      talk:renew()
      exports.sweep()
    end
    take_requests()
    talk:turn(now)
    show_open(talk:count())
    peaks.turn()
  end
  reaper.defer(turn)
end

reaper.atexit(function()
  gone()
  talk.link:close()
  reaper.DeleteExtState(EXTENSION, "background", false)
  reaper.DeleteExtState(EXTENSION, "open", false)
  -- who runs it again wants it to start again, also while it ends
  reaper.set_action_options(STOP_AND_START_AGAIN | DARK)
end)

exports.sweep()
turn()
