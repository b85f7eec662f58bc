ardour {
  ["type"] = "EditorHook", name = "punchin: background", license = "MIT", author = "punchin",
  description = [[Talks with punchin's daemon while a session is open, and puts its results on the tracks.]],
}

function signals()
  return LuaSignal.Set():add({ [LuaSignal.LuaTimerDS] = true })
end

function factory()
  local action = require("punchin.action")
  local actions = require("punchin.actions")
  local client = require("punchin.client")
  local config = require("punchin.config")
  local doing = require("punchin.doing")
  local files = require("punchin.files")
  local notice = require("punchin.notice")
  local osc = require("punchin.osc")
  local placing = require("punchin.placing")
  local session = require("punchin.session")
  local spool = require("punchin.spool")
  local waiting = require("punchin.waiting")

  local SILENT = "punchin's daemon does not answer. It is being started: what was asked for waits, and comes once it runs. "
    .. "If this stays, type in a terminal: punchin doctor"
  local START_SECONDS = 60

  local talk, last_alive, last_open, started
  local told_silent = false

  local function start_daemon()
    if config.daemon and (not started or os.time() - started > START_SECONDS) then
      started = os.time()
      os.execute(config.daemon)
    end
  end

  -- Nobody needs to know that there is no daemon while nothing is wanted of it; and who has read it once, knows.
  local function silent()
    if talk:count() > 0 then
      start_daemon()
      if not told_silent then
        told_silent = true
        notice.show(SILENT)
      end
    end
  end

  local function ask(packet)
    local _, values = osc.decode(packet)
    talk:request(packet, true, doing.title(osc.keys(values, 1).cookie))
  end

  local function place(job)
    local where = placing.read(job.cookie)
    if not where or #job.clips == 0 then
      return
    end
    where.job = job.id
    local ok, sentence = pcall(placing.put, where, job.clips)
    if sentence then
      local path = job.clips[1].path
      notice.show(ok and sentence or ("The clips are in %s, and could not be placed: %s"):format(path, sentence))
    end
  end

  -- Nothing moves under the hands of a user who records: results wait.
  local function place_all(jobs)
    local done = {}
    if Session:actively_recording() then
      return done
    end
    for number, job in ipairs(jobs) do
      place(job)
      done[number] = job.id
    end
    return done
  end

  local function run(name, keys)
    if not actions[name] then
      notice.show(("The scripts for Ardour have no action %s."):format(name))
    else
      local ok, sentence = action.try(actions[name], keys)
      if not ok then
        notice.show(sentence)
      end
    end
  end

  local function begin()
    local link = spool.new(client.folder())
    talk = session.new(link, client.name(), {
      silent = silent,
      welcome = function()
        told_silent = false
        notice.withdraw(SILENT)
        talk:request(osc.encode("/punchin/presets", { talk:new_id() }))
      end,
      rejected = function(cookie, message) notice.show(doing.title(cookie) .. ": " .. message) end,
      progress = doing.note,
      results = place_all,
      presets = function(names) files.write(client.folder() .. "/presets", names) end,
      ended = function(_, cookie, message)
        if message then
          notice.show(doing.title(cookie) .. ": " .. message)
        end
      end,
      project = function() return Session:name() end,
      run = run,
    }, { name = "ardour", version = config.ardour })
    for _, packet in ipairs(waiting.load()) do
      ask(packet)
    end
  end

  local function take_requests()
    for _, packet in ipairs(client.take_asked()) do
      if osc.decode(packet) == "/punchin/cancel" then
        talk:cancel_all()
      else
        ask(packet)
      end
    end
  end

  local function turn()
    if not talk then
      begin()
    end
    notice.turn()
    take_requests()
    waiting.keep(talk.requests)
    talk:turn(os.time())
    if last_alive ~= os.time() or last_open ~= talk:count() then
      last_alive, last_open = os.time(), talk:count()
      client.say_alive(last_open, doing.list(talk))
    end
  end

  return function(signal)
    -- the installer asks for every signal: their numbers differ between versions of Ardour
    if signal == LuaSignal.LuaTimerDS then
      local ok, problem = pcall(turn)
      if not ok then
        print("punchin: " .. tostring(problem))
      end
    end
  end
end
