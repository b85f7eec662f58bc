"""Socket modules as REAPER may find them installed: real UDP behind the names of LuaSocket."""

import socket

# The module's functions as Lua sees them; `call` does the work.
MODULE = b"""
local open, call = ...
package.preload["socket.core"] = function()
  return { udp = function()
    local handle = open()
    return setmetatable({}, { __index = function(_, name)
      return function(_, ...) return call(handle, name, ...) end
    end })
  end }
end
"""


class Sockets:
    """`lose(number, data)` tells which datagrams are lost, counted over both ways; `spoil` changes what is received."""

    def __init__(self, lose=lambda number, data: False, spoil=lambda data: data):
        self.lose, self.spoil = lose, spoil
        self.passed = 0
        self.opened = []

    def install(self, lua, name):
        lua.execute(MODULE, self._open, self._call)

    def _open(self):
        self.opened.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        return len(self.opened) - 1

    def _lost(self, data):
        self.passed += 1
        return self.lose(self.passed, data)

    def _call(self, handle, name, *arguments):
        return getattr(self, name.decode())(self.opened[handle], *arguments)

    def setsockname(self, udp, host, port):
        udp.bind((host.decode(), port))
        return 1

    def setpeername(self, udp, host, port):
        udp.connect((host.decode(), port))
        return 1

    def getsockname(self, udp):
        host, port = udp.getsockname()
        return host.encode(), str(port).encode()  # one build gives the port as text

    def settimeout(self, udp, seconds):
        udp.settimeout(seconds)
        return 1

    def sendto(self, udp, data, host, port):
        return udp.sendto(data, (host.decode(), port))

    def send(self, udp, data):
        try:
            return len(data) if self._lost(data) else udp.send(data)
        except OSError:
            return None, b"refused"

    def receive(self, udp, size):
        try:
            data = udp.recv(int(size))
        except (TimeoutError, BlockingIOError):
            return None, b"timeout"
        except OSError:
            return None, b"refused"
        return (None, b"timeout") if udp.gettimeout() == 0 and self._lost(data) else self.spoil(data)

    def close(self, udp):
        udp.close()
        return 1
