-- This session as a client of the daemon. Each session is one of its own, so that its results wait until it is open again.
local config = require("punchin.config")
local fields = require("punchin.fields")
local files = require("punchin.files")
local hash = require("punchin.hash")

local client = {}

local ALIVE_SECONDS = 5

function client.name()
  return ("ardour-%08x"):format(hash(Session:path()))
end

-- The folder through which the daemon is spoken to; what actions and the background script tell each other lies there, too.
function client.folder()
  return files.make_folder(config.state .. "/spool/" .. client.name())
end

-- A folder in the session, for what is heard by the daemon.
function client.session_folder()
  return files.make_folder(Session:path() .. "/punchin")
end

-- The background script says that it runs, and how many jobs are open.
function client.say_alive(open)
  files.write(client.folder() .. "/alive", fields.encode({ time = os.time(), open = open }))
end

-- How many jobs are open; nil where no background script runs.
function client.open_jobs()
  local said = fields.decode(files.read(client.folder() .. "/alive") or "")
  local time = tonumber(said.time)
  return time and os.time() - time <= ALIVE_SECONDS and tonumber(said.open) or nil
end

-- Leaves a message to the background script, which sends it.
function client.ask(packet)
  files.write(client.folder() .. "/asked", string.pack(">s4", packet), "ab")
end

-- What was left since the last time, as a list of messages.
function client.take_asked()
  local path = client.folder() .. "/asked"
  local content = files.read(path)
  local packets, at = {}, 1
  if content then
    os.remove(path)
    while at <= #content do
      packets[#packets + 1], at = string.unpack(">s4", content, at)
    end
  end
  return packets
end

return client
