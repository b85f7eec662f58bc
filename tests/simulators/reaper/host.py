"""Runs scripts: a defer loop, and after every turn the checks that a user would make."""

import time
from pathlib import Path

from reaper.api import Fault
from reaper.embedded import Embedded
from reaper.imgui_calls import ImGuiCalls
from reaper.item_calls import ItemCalls
from reaper.model import Project
from reaper.project_calls import ProjectCalls
from reaper.saving import saved
from reaper.system_calls import SystemCalls
from reaper.track_calls import TrackCalls


class Reaper(ProjectCalls, TrackCalls, ItemCalls, SystemCalls, ImGuiCalls):
    """One running REAPER with one project; `projects` may get more tabs."""

    first_action = 50_000
    run_by = Embedded
    """What runs the Lua of a script."""

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
        self.faults = []
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
        script = self.run_by(self, path)
        self.scripts.append(script)
        script.turn(script.begin)
        if not script.waits:
            script.end()

    def tick(self):
        """One turn of every script that has deferred itself; what it defers now waits for the next."""
        for script in list(self.scripts):
            script.turn(script.go_on)
            if not script.waits:
                script.end()

    def until(self, condition, seconds=240.0):
        """Tick about thirty times a second, as REAPER does, until something holds; `seconds` only ends what hangs."""
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
