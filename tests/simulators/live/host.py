"""A running Live: one Set, its scripts, and a main thread that the test turns."""

import contextlib
import time

from live import saving
from live.history import History
from live.launcher import Launcher
from live.lom import NOTIFYING, UNDOING, Vector
from live.script import ASKED, Script
from live.surface import built
from live.user import User
from live.versions import parsed

DISPLAY = 100
"""Milliseconds between two calls of a script's `update_display`."""
TRACKS = {"Lite": 8, "Intro": 16}
SCENES = {"Lite": 8, "Intro": 16}
"""What the small editions are limited to."""
PREFERENCES = {
    "auto_warp": True,  # whether what comes in is warped
    "guessed_tempo": None,  # what Live takes a file's tempo for; the Set's by default
    "warp_mode": 0,
    "unwarped_markers": "seconds",  # or "beats", as one tool saw it
    "new_track_is_selected": True,
    "new_midi_track_is_armed": True,  # as it was measured once
    "select_on_launch": True,
    "extent_follows_markers": False,  # whether an unlooped arrangement clip grows with its end marker: accounts differ
}


class Live:
    """Live with a new Set of one audio track and four scenes.

    `version` is a text like "12.2"; `edition` one of Suite, Standard, Intro, Lite; `preferences` as in `PREFERENCES`.
    `log`, `messages` (status bar), `dialogs`, `midi_sent`, `faults`, `turns` (what ran, seconds) and `inserted` can be read at
    any time.
    """

    def __init__(self, version="12.2", edition="Suite", **preferences):
        assert set(preferences) <= set(PREFERENCES), preferences
        self.version, self.edition = parsed(version), edition
        self.preferences = dict(PREFERENCES, **preferences)
        self.most_tracks, self.most_scenes = TRACKS.get(edition, 10**6), SCENES.get(edition, 10**6)
        self.log, self.messages, self.dialogs, self.midi_sent, self.faults, self.turns = [], [], [], [], [], []
        self.now = 0
        """Milliseconds since the start, in turns."""
        self.inserted = []
        """`now` of each audio file that a script brought in: Live decodes it there and then."""
        self.menu_open = False
        self.initialising = False
        self.objects, self.timers, self.scripts, self.selected = [], [], [], []
        self._running, self._refused, self._midi, self._maps = [], None, [], 0
        self.has_input = True
        """Whether the user has chosen a MIDI input for the script."""
        self.history = History(self)
        self.launcher = Launcher(self)
        self.modules, self.classes, self.midi_map = built(self)
        self.application = self._new("Application.Application")
        self.application_view = self._new(
            "Application.Application.View", {"focused_document_view": "Arranger"}, parent=self.application
        )
        self.user = User(self)
        self.new_set()

    # The Set

    def new_set(self):
        """What File > New does; running scripts are ended and made again."""
        with self._other_set():
            pass

    def open_set(self, path):
        """Open a Set that the user saved, with what scripts kept in it."""
        with self._other_set():
            saving.read(self, path)

    @contextlib.contextmanager
    def _other_set(self):
        folders = [script.package for script in self._running]
        for script in list(self._running):
            self.end(script)
        for thing in self.objects:
            if thing not in (self.application, self.application_view):
                thing._sim_die()
        passing = {
            "name": "", "file_path": "", "metronome": False, "is_playing": False, "record_mode": False, "data": {},
            "session_record": False, "arrangement_overdub": False, "back_to_arranger": False, "current_song_time": 0.0,
        }  # fmt: skip
        self.song = self._new(
            "Song.Song", passing, parent=None, tracks=[], returns=[], scenes=[], cues=[], main=None, tempo=120.0,
            signature_numerator=4, signature_denominator=4, loop=False, loop_start=0.0, loop_length=16.0, root_note=0,
            scale_name="Major", scale_mode=False, clip_trigger_quantization=0,
        )  # fmt: skip
        view = {"selected_track": None, "selected_scene": None, "detail_clip": None, "follow_song": True}
        self.song_view = self._new("Song.Song.View", view, parent=self.song)
        state = self.song._sim_state
        state["main"] = self.new_track(self.song, "main", None)
        state["scenes"] = [self.new_scene(self.song) for _ in range(4)]
        state["tracks"] = [self.new_track(self.song, "audio", None)]
        yield
        self.selected[:] = [state["tracks"][0]]
        self.history = History(self)
        for folder in folders:
            self.start(folder)

    def new_track(self, song, kind, group):
        track = self._new(
            "Track.Track", {"playing": -1, "fired": -1, "data": {}}, parent=song, kind=kind, group=group, name="",
            color=0x8CA0B4, color_index=0, arm=False, mute=False, solo=False, frozen=False, recording=False, slots=[],
            lanes=[], clips=[],
        )  # fmt: skip
        if kind in ("audio", "midi", "group"):
            track._sim_state["slots"] = [self.new_slot(track) for _ in song._sim_state["scenes"]]
        return track

    def new_slot(self, track):
        return self._new("ClipSlot.ClipSlot", {"fired": False}, parent=track, clip=None, has_stop_button=True)

    def new_scene(self, song):
        return self._new(
            "Scene.Scene", parent=song, name="", color=0, color_index=None, tempo=-1.0, tempo_enabled=False,
            time_signature_numerator=-1, time_signature_denominator=-1, time_signature_enabled=False,
        )  # fmt: skip

    def new_lane(self, track, name=""):
        return self._new("TakeLane.TakeLane", parent=track, name=name, clips=[])

    def new_clip(self, parent, state):
        """A clip in a slot, on a track or on a lane; what stands in `state` is written at `live.clip.Clip`."""
        return self._new(
            "Clip.Clip", {"playing": False, "fired": False, "recording": False}, **dict(state, parent=parent)
        )

    def _new(self, place, passing=None, **state):
        return self.classes[place]._sim_new(self, passing, **state)

    def register(self, thing):
        self.objects.append(thing)
        return 0x600000000000 + 16 * len(self.objects)

    def tempo(self):
        return self.song._sim_state["tempo"]

    @staticmethod
    def vector(items):
        return Vector._sim_of(items)

    # What a script may do, and when

    def check_may_change(self):
        """Raise as Live does where nothing may change now; it is a fault even where the script catches it."""
        if self._refused:
            self.fault(f"a change within a notification: {self._refused}")
            raise RuntimeError(self._refused)

    @contextlib.contextmanager
    def refusing(self, message):
        before, self._refused = self._refused, message
        try:
            yield
        finally:
            self._refused = before

    def notify(self, callback):
        with self.refusing(UNDOING if self._refused == UNDOING else NOTIFYING):
            self.entered("listener", callback)

    def fault(self, text):
        self.faults.append(text)
        self.log.append(f"RemoteScriptError: {text}")

    def entered(self, what, function, *arguments):
        """Run a piece of a script. Whether it came back without an exception; one is written to the log as Live does."""
        with self.interpreter(self._script_of(function)):
            started = time.perf_counter()
            try:
                function(*arguments)
            except Exception as error:
                self.fault(f"{what}: {type(error).__name__}: {error}")
                return False
            finally:
                self.turns.append((what, time.perf_counter() - started))
        return True

    @contextlib.contextmanager
    def interpreter(self, script):
        """The modules of a script in place while it runs; a test's own callbacks need none."""
        if script is None:
            yield
            return
        with script.imported():
            yield

    def _script_of(self, function):
        module = getattr(function, "__module__", None) or getattr(getattr(function, "func", None), "__module__", "")
        name = module.split(".")[0]
        return next((script for script in self._running if script.name == name), None)

    # Scripts

    def start(self, folder):
        """Choose the package in `folder` as a control surface. Gives what its `create_instance` made."""
        script = Script(self, folder, 1 + len(self._running))
        script.start()
        self._running.append(script)
        self.scripts.append(script.instance)
        return script.instance

    def end(self, script):
        self.entered("disconnect", script.instance.disconnect)
        self._running.remove(script)
        self.scripts.remove(script.instance)
        if self.history.open:
            self.fault("an undo step was left open")
        if any(timer.running for timer in self.timers):
            self.fault("a timer runs on after disconnect")
        living = [thing for thing in self.objects if not thing._sim_state["dead"]]
        if any(callbacks for thing in living for callbacks in thing._sim_listeners.values()):
            self.fault("a listener is left after disconnect")
        self.timers[:] = []

    def quit(self):
        for script in list(self._running):
            self.end(script)

    # Time

    def turn(self, milliseconds=10):
        """One round of the main thread. While a menu is open time passes and nothing is called."""
        before, self.now = self.now, self.now + milliseconds
        if self.menu_open:
            return
        self.settle()
        playing = self.song._sim_passing
        if playing["is_playing"]:
            playing["current_song_time"] += milliseconds * self.tempo() / 60000
            self.song._sim_notify("current_song_time")
        self.launcher.tick()
        self._greet()
        self._build_maps()
        waiting, self._midi = self._midi, []
        for message in waiting:
            self._deliver(message)
        for timer in list(self.timers):
            timer._sim_fire()
        if before // DISPLAY != self.now // DISPLAY:
            for script in list(self._running):
                if script.has("update_display"):
                    self.entered("update_display", script.instance.update_display)

    def settle(self):
        """What was written within the last tick can be read now."""
        for thing in list(self.objects):
            if thing._sim_old:
                thing._sim_tick()

    def run(self, seconds):
        """Real time."""
        for _ in range(int(seconds * 100)):
            self.turn()
            time.sleep(0.01)

    def pass_time(self, milliseconds):
        """Turns without waiting."""
        for _ in range(milliseconds // 10):
            self.turn()

    def until(self, condition, seconds=60.0):
        """Turn in real time until a condition holds; its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            self.turn()
            time.sleep(0.01)
        raise AssertionError(f"not within {seconds:g} s; Live says {(self.messages + self.log)[-20:]!r}")

    def menu(self, seconds):
        """A menu is held open for real seconds: no tick comes."""
        self.menu_open = True
        try:
            self.run(seconds)
        finally:
            self.menu_open = False

    def _greet(self):
        for script in self._running:
            if not script.started:
                script.started = True
                for name, arguments in ASKED:
                    if script.has(name):
                        self.entered(name, getattr(script.instance, name), *arguments)

    # MIDI

    def _build_maps(self):
        for script in self._running:
            if script.c_instance._sim_rebuild:
                script.c_instance._sim_rebuild = False
                handle = script.c_instance._sim_handle
                forwarded = self.midi_map._sim_forwarded
                for key in [key for key, value in forwarded.items() if value[0] == handle]:
                    del forwarded[key]
                if script.has("build_midi_map"):
                    self._maps += 1
                    self.midi_map._sim_open = self._maps
                    self.entered("build_midi_map", script.instance.build_midi_map, self._maps)
                    self.midi_map._sim_open = None

    def midi_in(self, *message):
        """A message (status, number, value) at the input; it comes with the next turn."""
        self._midi.append(message)

    def _deliver(self, message):
        key = (message[0] & 0xF0, message[0] & 0x0F, message[1])
        kind = {0x80: 0x90}.get(key[0], key[0])
        handle, _ = self.midi_map._sim_forwarded.get((kind, key[1], 0 if kind == 0xE0 else key[2]), (None, None))
        for script in self._running:
            if self.has_input and script.c_instance._sim_handle == handle and script.has("receive_midi"):
                self.entered("receive_midi", script.instance.receive_midi, tuple(message))
