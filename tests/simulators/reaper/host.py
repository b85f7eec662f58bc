"""Runs scripts: one Lua state each, a defer loop, and after every turn the checks that a user would make."""

import contextlib
import time
from pathlib import Path

from lupa import lua54

from reaper.api import BUILT_IN, FUNCTIONS, IMGUI, Fault, given, taken, version_of
from reaper.imgui_calls import ImGuiCalls
from reaper.item_calls import ItemCalls
from reaper.model import Array, Project
from reaper.project_calls import ProjectCalls
from reaper.saving import saved
from reaper.system_calls import SystemCalls
from reaper.track_calls import TrackCalls

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


class Script:
    """One running script."""

    def __init__(self, daw, path):
        self.daw = daw
        self.path = path
        self.deferred = []
        self.at_exit = []
        self.lua = lua54.LuaRuntime(
            encoding=None, unpack_returned_tuples=True, register_eval=False, register_builtins=False,
            attribute_filter=self._deny,
        )  # fmt: skip
        version = version_of(daw.version)
        names = [name for name, function in FUNCTIONS.items() if function.since <= version]
        offered = " ".join([*names, *BUILT_IN, *(IMGUI if daw.has_imgui else ())]).encode()
        self.lua.execute(WRAP, offered, self._call, self._array_call)
        for name, source in daw.modules.items():
            source(self.lua, name)

    @staticmethod
    def _deny(thing, name, setting):
        raise AttributeError("scripts cannot look into handles")

    def turn(self, function, *arguments):
        """Run one piece of a script until it returns, and look at what it left behind."""
        before = self.daw.untouchable()
        started = time.perf_counter()
        try:
            function(*arguments)
        except (lua54.LuaError, Fault) as error:
            self.daw.faults.append(f"{Path(self.path).name}: {error}")
            self.end()
        self.daw.turns.append(time.perf_counter() - started)
        self.daw.check(self, before)

    def end(self):
        self.deferred = []
        for function in self.at_exit:
            function()
        self.at_exit = []
        with contextlib.suppress(ValueError):
            self.daw.scripts.remove(self)

    def _call(self, name, *arguments):
        name = name.decode()
        try:
            if name in BUILT_IN:
                return getattr(self, name)(*arguments)
            function = FUNCTIONS.get(name) or IMGUI[name]
            return given(function, self.daw.modelled(name)(*taken(function, arguments)))
        except Fault as error:
            self.daw.faults.append(f"{Path(self.path).name}: {error}")
            raise

    # What is no function of the list: it belongs to the script

    def defer(self, function):
        self.deferred.append(function)
        return True

    def atexit(self, function):
        self.at_exit.append(function)
        return True

    def get_action_context(self):
        return True, str(self.path).encode(), 0, self.daw.command_of(self.path), -1, -1, 0.0, b""

    def set_action_options(self, flags):
        if not 0 < flags < 16 or flags & 12 == 12:
            raise Fault(f"set_action_options({flags})")
        self.daw.options[str(self.path)] = flags

    def new_array(self, size):
        return Array(int(size))

    def _array_call(self, array, name, *arguments):
        if name == b"clear":
            array.values[:] = [float(arguments[0] or 0.0)] * len(array.values)
            return None
        if name == b"table":
            first = int(arguments[0] or 1)
            return self.lua.table_from(array.values[first - 1 :][: int(arguments[1] or len(array.values))])
        return len(array.values)


class Reaper(ProjectCalls, TrackCalls, ItemCalls, SystemCalls, ImGuiCalls):
    """One running REAPER with one project; `projects` may get more tabs."""

    first_action = 50_000

    def __init__(self, folder, rate=44100, version="7.79", system="Other"):
        self.resources = Path(folder) / "resources"
        media = Path(folder) / "Media"
        for path in (self.resources, media):
            path.mkdir(parents=True, exist_ok=True)
        self.version, self.system, self.device_rate = version, system, None
        self.project = Project(str(Path(folder) / "song.rpp"), str(media))
        self.project.values["PROJECT_SRATE"] = float(rate)
        self.projects = [self.project]
        self.scripts, self.actions, self.options = [], [], {}
        self.modules = {}
        """Lua modules that a package would have installed: name, and what puts it into a Lua state."""
        self.ext, self.ext_kept = {}, {}
        self.accessors, self.peaks, self.processes = [], {}, []
        self.answers, self.replies, self.dialogs = [], [], []
        self.messages, self.console, self.hotkeys = [], [], []
        self.faults, self.turns = [], []
        self.ui_held = 0
        self.has_imgui = False
        self.gui_context, self.gui_scopes, self.gui_drawing, self.gui_collapsed = None, [], [], False
        self.clicks, self.typed, self.drawn = [], {}, []
        self.listings = {}
        """What EnumerateFiles remembers of folders."""

    @property
    def rate(self):
        return int(self.project.values["PROJECT_SRATE"])

    def modelled(self, name):
        """What a listed function does here."""
        if not hasattr(self, name):
            raise Fault(f"rig: {name} is not modelled")
        return getattr(self, name)

    def command_of(self, path):
        return self.first_action + self.actions.index(str(path)) if str(path) in self.actions else 0

    def start(self, path):
        """Run an action, as a click on it does."""
        running = next((script for script in self.scripts if str(script.path) == str(path)), None)
        if running:
            if not self.options.get(str(path), 0) & 1:
                self.faults.append(f"{Path(path).name} runs already: REAPER asks the user what to do")
                return
            running.end()
            if not self.options[str(path)] & 2:
                return
        script = Script(self, path)
        self.scripts.append(script)
        chunk = script.lua.compile(Path(path).read_bytes())
        script.turn(chunk)
        if not script.deferred:
            script.end()

    def tick(self):
        """One turn of every script that has deferred itself; what it defers now waits for the next."""
        for script in list(self.scripts):
            due, script.deferred = script.deferred, []
            for function in due:
                script.turn(function)
            if not script.deferred:
                script.end()

    def until(self, condition, seconds=120.0):
        """Tick about thirty times a second, as REAPER does, until something holds."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert not self.faults, self.faults
            assert time.monotonic() < deadline, f"it never came true; messages {self.messages}, console {self.console}"
            self.tick()
            time.sleep(1 / 30)
        return value

    def untouchable(self):
        """What no script may leave changed: the user's selection, cursor, view and settings."""
        return [(project, self._untouchable(project)) for project in self.projects]

    @staticmethod
    def _untouchable(project):
        selected = [(thing, thing.values["B_UISEL"]) for thing in project.items()]
        selected += [(track, track.values["I_SELECTED"]) for track in project.content.tracks]
        return project.time_selection, project.cursor, dict(project.values), dict(project.texts), selected

    def check(self, script, before):
        name = Path(script.path).name
        for project in self.projects:
            if project.block:
                self.faults.append(f"{name} left an undo block open")
                project.block = None
        if self.ui_held:
            self.faults.append(f"{name} left the display held")
            self.ui_held = 0
        if self.gui_scopes:
            self.faults.append(f"{name} left open {self.gui_scopes} of its window")
            self.gui_scopes.clear()
        if self.accessors:
            self.faults.append(f"{name} left an audio accessor")
            self.accessors.clear()
        for project, (*settings, selected) in before:
            *settings_now, selected_now = self._untouchable(project)
            values = dict(selected_now)
            if settings != settings_now or any(values.get(thing, value) != value for thing, value in selected):
                self.faults.append(f"{name} changed the user's selection, cursor or settings")

    def save(self):
        """The project file's text; also written where the project says."""
        text = saved(self.project)
        if self.project.path:
            Path(self.project.path).write_bytes(text.encode())
        return text

    def close(self):
        """Quit: scripts end, and faults that a script swallowed come to light."""
        for script in list(self.scripts):
            script.end()
        assert self.faults == []
