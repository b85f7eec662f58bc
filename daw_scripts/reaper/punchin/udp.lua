-- The link over UDP, through Mavriq's sockets where they are installed.
local udp = {}
udp.__index = udp

udp.LONGEST = 8192 -- bytes that the daemon takes in one datagram

local FOLDER = "/Scripts/Mavriq ReaScript Repository/Various/Mavriq-Lua-Sockets/"
local LARGEST_DATAGRAM = 65507
local LOOPBACK = "127.0.0.1"
local SELF_TEST_SECONDS = 0.2

local function sockets()
  local folder = reaper.GetResourcePath() .. FOLDER
  package.path = package.path .. ";" .. folder .. "?.lua"
  package.cpath = package.cpath .. ";" .. folder .. "?.dll;" .. folder .. "?.so"
  local ok, module = pcall(require, "socket.core")
  return ok and module or nil
end

-- The module brings a Lua of its own: beside a newer one, what it receives looks right and has no length.
local function passes_on(socket)
  local _, port = socket:getsockname()
  local sent = ("0123456789abcdef"):rep(8)
  socket:settimeout(SELF_TEST_SECONDS)
  socket:sendto(sent, LOOPBACK, math.tointeger(tonumber(port)))
  local got = socket:receive(LARGEST_DATAGRAM)
  return got and got:sub(1, -1) == sent and got:sub(65, 80) == sent:sub(65, 80) and got:byte(128) == sent:byte(128)
end

local function open(module)
  local socket = module.udp()
  if not socket or not socket:setsockname(LOOPBACK, 0) then
    return nil
  end
  local ok, right = pcall(passes_on, socket)
  if ok and right then
    socket:settimeout(0)
    return socket
  end
  socket:close()
end

-- `port`: gives the daemon's port, or nil while it does not run. Nil where UDP cannot be trusted here.
function udp.new(port)
  local module = sockets()
  local socket = module and open(module)
  return socket and setmetatable({ socket = socket, port = port }, udp)
end

function udp:hello(packet)
  local port = self.port()
  if port then
    self.socket:setpeername(LOOPBACK, port)
    self.socket:send(packet)
  end
end

-- A datagram is gone at once.
function udp.is_greeting()
  return false
end

function udp:send(packet)
  self.socket:send(packet)
end

-- The next message, or nil while there is none.
function udp:receive()
  return (self.socket:receive(LARGEST_DATAGRAM))
end

function udp:close()
  self.socket:close()
end

return udp
