-- The link through a folder: one file a message, written under another name and renamed.
local spool = {}
spool.__index = spool

-- `folder` exists already.
function spool.new(folder)
  return setmetatable({ folder = folder, written = 0, read = 0 }, spool)
end

function spool:write(name, packet)
  local path = self.folder .. "/" .. name
  local file = io.open(path .. ".tmp", "wb")
  if not file then
    return
  end
  file:write(packet)
  file:close()
  os.remove(path) -- Windows renames over nothing
  os.rename(path .. ".tmp", path)
end

-- Both sides begin to count anew once the daemon has taken the hello; until then nothing is read.
function spool:hello(packet)
  self.written, self.read = 0, 0
  self:write("hello.osc", packet)
end

function spool:is_greeting()
  local file = io.open(self.folder .. "/hello.osc", "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

function spool:send(packet)
  self.written = self.written + 1
  self:write(("in-%06d.osc"):format(self.written), packet)
end

-- The next message, or nil while there is none.
function spool:receive()
  local path = ("%s/out-%06d.osc"):format(self.folder, self.read + 1)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local packet = file:read("a")
  file:close()
  os.remove(path)
  self.read = self.read + 1
  return packet
end

function spool.close() end

return spool
