"""Lua 5.4 inside of this process, by lupa: fast, and with modules that a test gives."""

from pathlib import Path

from lupa import lua54

from reaper.script import Script

# A Python function is userdata to Lua: `type` and `package.preload` need a function of Lua's own.
WRAP = b"""
local names, call, array_call = ...
python = nil
local reaper_table = {}
for name in names:gmatch("[%w_]+") do reaper_table[name] = function(...) return call(name, ...) end end
local new_array = reaper_table.new_array
if new_array then
  reaper_table.new_array = function(size)
    local handle = new_array(size)
    return setmetatable({handle = handle}, {__index = {
      clear = function(value) array_call(handle, "clear", value) end,
      table = function(first, count) return array_call(handle, "table", first, count) end,
      get_alloc = function() return array_call(handle, "get_alloc") end,
    }})
  end
  local read = reaper_table.GetAudioAccessorSamples
  reaper_table.GetAudioAccessorSamples = function(a, rate, channels, start, count, buffer, ...)
    return read(a, rate, channels, start, count, type(buffer) == "table" and buffer.handle or buffer, ...)
  end
end
reaper = reaper_table
"""

# Files as Windows has them: backslashes, names that it does not take, and no renaming over what exists.
WINDOWS = b"""
local function real(path)
  if (path:match("[^/\\\\]*$")):find('[<>:"|?*]') then return nil end
  return (path:gsub("\\\\", "/"))
end
local function on(library, name)
  local called = library[name]
  library[name] = function(path, ...)
    local found = real(path)
    if not found then return nil, path .. ": Invalid argument", 22 end
    return called(found, ...)
  end
end
on(io, "open")
on(os, "remove")
on(_G, "loadfile")
local open, rename = io.open, os.rename
function os.rename(from, to)
  local there = open(to, "rb")
  if there then
    there:close()
    return nil, to .. ": File exists", 17
  end
  return rename(real(from), real(to))
end
package.searchers[2] = function(name)
  local inner = name:gsub("%.", "\\\\")
  for template in package.path:gmatch("[^;]+") do
    local found = loadfile((template:gsub("%?", (inner:gsub("%%", "%%%%")))))
    if found then return found end
  end
  return "no module " .. name
end
"""


class Embedded(Script):
    """A script in a Lua state of its own."""

    error = lua54.LuaError

    def __init__(self, daw, path):
        super().__init__(daw, path)
        self.deferred = []
        self.at_exit = []
        self.lua = lua54.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False,
            attribute_filter=self._deny,
        )  # fmt: skip
        self.lua.execute(WRAP, self.offered, self._call, self._array_call)
        if daw.is_windows:
            self.lua.execute(WINDOWS)
        for name, source in daw.modules.items():
            source(self.lua, name)

    @staticmethod
    def _deny(thing, name, setting):
        raise AttributeError("scripts cannot look into handles")

    @property
    def waits(self):
        return bool(self.deferred)

    def begin(self):
        self.lua.compile(Path(self.path).read_bytes())()

    def go_on(self):
        due, self.deferred = self.deferred, []
        for function in due:
            function()

    def _exit(self):
        self.deferred, due = [], self.at_exit
        self.at_exit = []
        for function in due:
            function()

    def _call(self, name, *arguments):
        return self.call(name.decode(), arguments)

    def _array_call(self, array, name, *arguments):
        made = self.array_call(array, name, *arguments)
        return self.lua.table_from(made) if isinstance(made, list) else made

    def defer(self, function):
        self.deferred.append(function)
        return True

    def atexit(self, function):
        self.at_exit.append(function)
        return True
