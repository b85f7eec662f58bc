"""`Live.Clip`: a stretch of an audio file, or notes, in a slot or on a track."""

from live import warping
from live.base import IntU64Vector, IntVector
from live.gain import shown
from live.lom import LomObject, Nullable, Value, Vector, call, converted
from live.midinotes import MidiNote, MidiNoteVector, specified

SAME = 1e-6
"""Beats within which two places on the grid are one."""


class WarpMode(int):
    beats, tones, texture, repitch, complex, rex, complex_pro, count = range(8)


class LaunchMode(int):
    trigger, gate, toggle, repeat = range(4)


class WarpMarker:
    """A place in the file, in seconds, and the beat it plays at."""

    def __init__(self, sample_time, beat_time):
        self._sim_pair = (converted(float, sample_time, "WarpMarker"), converted(float, beat_time, "WarpMarker"))

    @property
    def sample_time(self):
        return self._sim_pair[0]

    @property
    def beat_time(self):
        return self._sim_pair[1]


class WarpMarkerVector(Vector):
    pass


class Groove(LomObject):
    """Of the Set's groove pool."""

    name = Value(str, settable=True, listenable=True)


def _loop_start(self):
    state = self._sim_state
    return state["loop_low"] if state["looping"] else state["marker_low"]


def _loop_end(self):
    state = self._sim_state
    return state["loop_high"] if state["looping"] else state["marker_high"]


def _set_loop_start(self, value):
    if value >= self.loop_end:
        raise RuntimeError("Cannot set LoopStart behind LoopEnd")
    state = self._sim_state
    if state["looping"]:
        self._sim_set("loop_low", value)
    else:
        self._sim_set("marker_low", value)
        self._sim_follow()
        self._sim_notify("start_marker")
    self._sim_notify("loop_start")


def _set_loop_end(self, value):
    if value <= self.loop_start:
        raise RuntimeError("Cannot set LoopEnd before LoopStart")
    state = self._sim_state
    if state["looping"]:
        self._sim_set("loop_high", value)
    else:
        self._sim_set("marker_high", value)
        self._sim_follow()
        self._sim_notify("end_marker")
    self._sim_notify("loop_end")


def _read_start_marker(self):
    return self._sim_marker(self._sim_state["marker_low"])


def _read_end_marker(self):
    return self._sim_marker(self._sim_state["marker_high"])


def _set_start_marker(self, value):
    state = self._sim_state
    if not state["looping"]:
        return  # measured on Live 12.4.6: ignored until the clip loops
    if value >= state["marker_high"]:
        raise RuntimeError("Cannot set StartMarker behind EndMarker")
    self._sim_set("marker_low", value)
    self._sim_notify("start_marker")


def _set_end_marker(self, value):
    state = self._sim_state
    if value <= state["marker_low"]:
        raise RuntimeError("Cannot set EndMarker before StartMarker")
    self._sim_set("marker_high", value)
    self._sim_follow()
    self._sim_notify("end_marker")


def _set_looping(self, value):
    if value and not self._sim_is_warped():
        raise RuntimeError("Only warped clips can be looped")
    self._sim_set("looping", value)


def _set_warping(self, value):
    state = self._sim_state
    if value == state["warping"]:
        return
    to = warping.beat_at if value else warping.seconds_at
    for name in ("marker_low", "marker_high", "loop_low", "loop_high"):
        state[name] = to(state["markers"], state[name])
    state["looping"] = False
    if state["extent"] is not None:
        state["extent"] = state["marker_high"] - state["marker_low"]
    self._sim_set("warping", value)
    self._sim_settle()
    for name in ("start_marker", "end_marker", "loop_start", "loop_end", "looping", "end_time"):
        self._sim_notify(name)


def _set_warp_mode(self, value):
    if value not in self.available_warp_modes:
        raise RuntimeError("Invalid warp mode")
    self._sim_set("warp_mode", value)


def _modes(self):
    modes = [WarpMode.beats, WarpMode.tones, WarpMode.texture, WarpMode.repitch]
    if self._sim.edition not in ("Lite", "Intro"):
        modes += [WarpMode.complex, WarpMode.complex_pro]
    return IntVector._sim_of(modes)


class Clip(LomObject):
    """State: `path`, `frames`, `rate` of the file, or `notes`; `markers` with the hidden one; `marker_*`, `loop_*` and `extent`
    in beats where it is warped or MIDI, in seconds elsewhere. `extent` is None outside the arrangement."""

    _sim_listen_only = ("playing_status", "loop_jump", "notes")

    name = Value(str, settable=True, listenable=True)
    color = Value(int, settable=True, listenable=True, low=0, high=0xFFFFFF)
    color_index = Value(int, settable=True, listenable=True, low=0, high=69)
    muted = Value(bool, settable=True, listenable=True)
    is_audio_clip = Value(bool, read=lambda self: self._sim_state["audio"])
    is_midi_clip = Value(bool, read=lambda self: not self._sim_state["audio"])
    is_arrangement_clip = Value(bool, read=lambda self: self._sim_state["extent"] is not None)
    is_session_clip = Value(bool, read=lambda self: self._sim_state["extent"] is None)
    is_take_lane_clip = Value(bool, read=lambda self: type(self._sim_state["parent"]).__name__ == "TakeLane")
    file_path = Value(str, listenable=True, audio=True, read=lambda self: self._sim_state["path"])
    sample_length = Value(int, audio=True, read=lambda self: self._sim_state["frames"])
    sample_rate = Value(float, audio=True, read=lambda self: float(self._sim_state["rate"]))
    gain = Value(float, settable=True, listenable=True, audio=True, low=0.0, high=1.0)
    gain_display_string = Value(str, audio=True, read=lambda self: shown(self._sim_state["gain"]))
    pitch_coarse = Value(int, settable=True, listenable=True, audio=True, low=-48, high=48)
    pitch_fine = Value(float, settable=True, listenable=True, audio=True, low=-500, high=500)
    ram_mode = Value(bool, settable=True, listenable=True, audio=True)
    warping = Value(bool, settable=True, listenable=True, audio=True, write=_set_warping)
    warp_mode = Value(int, settable=True, listenable=True, audio=True, write=_set_warp_mode)
    available_warp_modes = Value(IntVector, audio=True, read=_modes)
    warp_markers = Value(
        WarpMarkerVector, listenable=True, audio=True,
        read=lambda self: WarpMarkerVector._sim_of(WarpMarker(*pair) for pair in self._sim_state["markers"]),
    )  # fmt: skip
    looping = Value(bool, settable=True, listenable=True, write=_set_looping)
    loop_start = Value(float, settable=True, listenable=True, read=_loop_start, write=_set_loop_start)
    loop_end = Value(float, settable=True, listenable=True, read=_loop_end, write=_set_loop_end)
    start_marker = Value(float, settable=True, listenable=True, read=_read_start_marker, write=_set_start_marker)
    end_marker = Value(float, settable=True, listenable=True, read=_read_end_marker, write=_set_end_marker)
    length = Value(float, read=lambda self: self.loop_end - self.loop_start)
    start_time = Value(float, listenable=True)
    end_time = Value(float, listenable=True, read=lambda self: self._sim_end())
    signature_numerator = Value(int, settable=True, listenable=True, low=1, high=99)
    signature_denominator = Value(int, settable=True, listenable=True, low=1, high=16)
    launch_mode = Value(int, settable=True, listenable=True, low=0, high=3)
    legato = Value(bool, settable=True, listenable=True)
    is_playing = Value(bool, read=lambda self: self._sim_passing["playing"])
    is_triggered = Value(bool, read=lambda self: self._sim_passing["playing"] or self._sim_passing["fired"])
    is_recording = Value(bool, listenable=True, read=lambda self: self._sim_passing["recording"])
    groove = Value(Nullable("Groove"), settable=True, listenable=True)
    has_groove = Value(bool, read=lambda self: self._sim_state["groove"] is not None)
    has_envelopes = Value(bool, listenable=True, read=lambda self: False)

    @call(float, returns=float, changes=False, audio=True)
    def beat_to_sample_time(self, beat_time):
        """Frames in the file at a beat."""
        self._sim_want_warped(True)
        return warping.seconds_at(self._sim_state["markers"], beat_time) * self._sim_state["rate"]

    @call(float, returns=float, changes=False, audio=True)
    def sample_to_beat_time(self, sample_time):
        self._sim_want_warped(True)
        return warping.beat_at(self._sim_state["markers"], sample_time / self._sim_state["rate"])

    @call(float, returns=float, changes=False, audio=True)
    def seconds_to_sample_time(self, seconds):
        self._sim_want_warped(False)
        return seconds * self._sim_state["rate"]

    @call(object, returns=IntU64Vector)
    def add_new_notes(self, notes):
        self._sim_want_midi()
        there = self._sim_state["notes"]
        first = 1 + max((note[0] for note in there), default=0)
        added = [(first + number, *specified(note)) for number, note in enumerate(notes)]
        self._sim_set("notes", there + added)
        return IntU64Vector._sim_of(note[0] for note in added)

    @call(returns=MidiNoteVector, changes=False)
    def get_all_notes_extended(self):
        """Those outside of the markers, too."""
        self._sim_want_midi()
        notes = sorted(self._sim_state["notes"], key=lambda note: (note[2], note[1]))
        return MidiNoteVector._sim_of(MidiNote._sim_of(note) for note in notes)

    @call(WarpMarker, audio=True)
    def add_warp_marker(self, warp_marker):
        self._sim_want_warped(True)
        seconds, beat = warp_marker.sample_time, warp_marker.beat_time
        real = self._sim_state["markers"][:-1]
        if any(abs(there - beat) < SAME or abs(place - seconds) < SAME for place, there in real):
            raise RuntimeError("There is a warp marker already")
        self._sim_mark(sorted([*real, (seconds, beat)]))

    @call(float, float, audio=True)
    def move_warp_marker(self, marker_beat_time, beat_time_distance):
        real = self._sim_state["markers"][:-1]
        place = self._sim_marker_at(marker_beat_time)
        real[place] = (real[place][0], real[place][1] + beat_time_distance)
        self._sim_mark(real)

    @call(float, audio=True)
    def remove_warp_marker(self, beat_time):
        real = self._sim_state["markers"][:-1]
        place = self._sim_marker_at(beat_time)
        if len(real) == 1:
            raise RuntimeError("The last warp marker stays")
        self._sim_mark(real[:place] + real[place + 1 :])

    @call(passing=True)
    def fire(self):
        self._sim.launcher.fire(self._sim_state["parent"])

    @call(passing=True)
    def stop(self):
        self._sim.launcher.stop(self._sim_state["parent"].canonical_parent)

    def _sim_is_warped(self):
        return self._sim_state["warping"] or not self._sim_state["audio"]

    def _sim_want_midi(self):
        if self._sim_state["audio"]:
            raise RuntimeError("Only available for MIDI clips")

    def _sim_want_warped(self, warped):
        if self._sim_state["warping"] != warped:
            raise RuntimeError("Only available for %s audio clips" % ("warped" if warped else "unwarped"))

    def _sim_marker(self, value):
        """A marker as scripts read it: one tool saw beats on clips that are not warped."""
        if self._sim_is_warped() or self._sim.preferences["unwarped_markers"] == "seconds":
            return value
        return value * self._sim.tempo() / 60

    def _sim_marker_at(self, beat):
        self._sim_want_warped(True)
        for place, marker in enumerate(self._sim_state["markers"][:-1]):
            if abs(marker[1] - beat) < SAME:
                return place
        raise RuntimeError("There is no warp marker at this time")

    def _sim_mark(self, real):
        """Set the real markers; the tempo after the last stays what it was."""
        if any(right[0] - left[0] < SAME or right[1] - left[1] < SAME for left, right in zip(real, real[1:])):
            raise RuntimeError("A warp marker cannot pass another")
        self._sim_state["markers"] = warping.with_shadow(real, warping.end_tempo(self._sim_state["markers"]))
        self._sim_notify("warp_markers")

    def _sim_beats(self, length):
        """Beats of the arrangement that a length in the clip's own unit takes."""
        return length if self._sim_is_warped() else length * self._sim.tempo() / 60

    def _sim_own(self, beats):
        """Inverse of `_sim_beats`."""
        return beats if self._sim_is_warped() else beats * 60 / self._sim.tempo()

    def _sim_end(self):
        state = self._sim_state
        return state["start_time"] + self._sim_beats(state["extent"] if state["extent"] is not None else self.length)

    def _sim_follow(self):
        """Moves the end in the arrangement with the markers, where this Live does so."""
        state = self._sim_state
        if state["extent"] is None or state["looping"]:
            return
        content = state["marker_high"] - state["marker_low"]
        if self._sim.preferences["extent_follows_markers"]:
            state["extent"] = content
            self._sim_settle()
            self._sim_notify("end_time")

    def _sim_settle(self):
        """Trim what this clip now lies upon."""
        if self._sim_state["extent"] is not None:
            self._sim_state["parent"]._sim_make_room(self)
