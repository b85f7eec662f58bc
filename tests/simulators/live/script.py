"""One control surface script: the package as Live imports it, what Live gives to it and what Live calls on it."""

import contextlib
import importlib
import os
import sys

ASKED = (
    ("connect_script_instances", ((),)),
    ("can_lock_to_devices", ()),
    ("suggest_input_port", ()),
    ("suggest_output_port", ()),
    ("refresh_state", ()),
)
"""What Live calls once on a new script, with arguments."""
NEEDED = ("build_midi_map", "disconnect", "receive_midi", "suggest_map_mode", "update_display")
"""What it calls later. Ableton's own scripts without a framework have all of both."""


class CInstance:
    """What `create_instance` is given. Names as Ableton's own scripts use them."""

    def __init__(self, live, handle):
        self._sim = live
        self._sim_handle = handle
        self._sim_rebuild = True
        """Live builds the MIDI map of a new script by itself."""

    def song(self):
        return self._sim.song

    def handle(self):
        return self._sim_handle

    def instance_identifier(self):
        return self._sim_handle

    def show_message(self, message):
        if not isinstance(message, str):
            raise TypeError("show_message takes a text")
        self._sim.messages.append(message)

    def log_message(self, message):
        self._sim.log.append(f"RemoteScriptMessage: {message}")

    def request_rebuild_midi_map(self):
        self._sim_rebuild = True

    def send_midi(self, midi_event_bytes):
        self._sim.midi_sent.append(tuple(midi_event_bytes))

    def set_feedback_channels(self, channels):
        """Which channels light pads; nothing here hangs on them."""

    def set_session_highlight(self, track_offset, scene_offset, width, height, include_returns):
        """The frame around slots in the Session view, which nothing here draws."""

    def preferences(self, key):
        return None

    def toggle_lock(self):
        """Locking to a device."""

    def update_locks(self):
        """Locking to a device."""


class Script:
    """A running script. `instance` is what its `create_instance` gave."""

    def __init__(self, live, folder, handle):
        self.live = live
        self.package = os.path.abspath(str(folder))
        self.folder, self.name = os.path.split(self.package)
        self.c_instance = CInstance(live, handle)
        self.instance = None
        self.started = False
        """Whether Live has asked it what it asks a new script."""
        self.modules = dict(live.modules)
        """What this interpreter has imported of Live and of the script: each simulated Live has its own."""
        self.running = False

    def start(self):
        with self.live.interpreter(self):
            self.live.initialising = True
            try:
                package = importlib.import_module(self.name)
                self.instance = package.create_instance(self.c_instance)
            finally:
                self.live.initialising = False
        for name in [asked[0] for asked in ASKED] + list(NEEDED):
            if not callable(getattr(self.instance, name, None)):
                self.live.fault(f"{self.name} has no {name}, which Live calls")

    @contextlib.contextmanager
    def imported(self):
        """While this script runs, `Live` and its own package are those of its Live."""
        if self.running:
            yield
            return
        self.running = True
        outside = {name: sys.modules.pop(name) for name in list(sys.modules) if self._is_own(name)}
        sys.modules.update(self.modules)
        sys.path.insert(0, self.folder)
        wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            yield
        finally:
            sys.dont_write_bytecode = wrote
            sys.path.remove(self.folder)
            self.modules = {name: sys.modules.pop(name) for name in list(sys.modules) if self._is_own(name)}
            sys.modules.update(outside)
            self.running = False

    def _is_own(self, name):
        return name.partition(".")[0] in {"Live", self.name}

    def has(self, name):
        return callable(getattr(self.instance, name, None))
