-- This session as a client of the daemon. Each session is one of its own, so that its results wait until it is open again.
local config = require("punchin.config")
local fields = require("punchin.fields")
local files = require("punchin.files")
local hash = require("punchin.hash")

local client = {}

local ALIVE_SECONDS = 30 -- Ardour may be busy for some

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

-- The background script says that it runs, how many jobs are open, and what each of them does, line by line.
function client.say_alive(open, doing)
  files.write(client.folder() .. "/alive", fields.encode({ time = os.time(), open = open, doing = doing }))
end

-- What it said last, as { open, doing }; nil where no background script runs.
function client.background()
  local said = fields.decode(files.read(client.folder() .. "/alive") or "")
  local time = tonumber(said.time)
  if time and os.time() - time <= ALIVE_SECONDS then
    return { open = tonumber(said.open), doing = said.doing }
  end
end

-- Whether nothing is on its way, as far as the background script has said and been asked.
function client.is_idle()
  local said = client.background()
  return (not said or said.open == 0) and not files.read(client.folder() .. "/asked")
end

-- A message as it stands in a file of several.
function client.packed(packet)
  return string.pack(">s4", packet)
end

function client.unpacked(content)
  local packets, at = {}, 1
  while at <= #content do
    packets[#packets + 1], at = string.unpack(">s4", content, at)
  end
  return packets
end

-- Leaves a message to the background script, which sends it.
function client.ask(packet)
  files.write(client.folder() .. "/asked", client.packed(packet), "ab")
end

-- What was left since the last time, as a list of messages.
function client.take_asked()
  local path = client.folder() .. "/asked"
  local content = files.read(path) or ""
  if content ~= "" then
    os.remove(path)
  end
  return client.unpacked(content)
end

return client
