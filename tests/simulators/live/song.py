"""`Live.Song`: the Set. What a script writes here is there from the next tick on."""

from live import saving
from live.base import IntVector
from live.lom import LomObject, Nullable, Optional, Value, Vector, call

SCALES = {
    "Major": (0, 2, 4, 5, 7, 9, 11),
    "Minor": (0, 2, 3, 5, 7, 8, 10),
    "Dorian": (0, 2, 3, 5, 7, 9, 10),
    "Mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "Phrygian": (0, 1, 3, 5, 7, 8, 10),
    "Lydian": (0, 2, 4, 6, 7, 9, 11),
    "Locrian": (0, 1, 3, 5, 6, 8, 10),
    "Harmonic Minor": (0, 2, 3, 5, 7, 8, 11),
    "Melodic Minor": (0, 2, 3, 5, 7, 9, 11),
    "Minor Pentatonic": (0, 3, 5, 7, 10),
    "Major Pentatonic": (0, 2, 4, 7, 9),
    "Minor Blues": (0, 3, 5, 6, 7, 10),
}
"""Those of Live's scales that the tests need, in semitones."""


class SessionRecordStatus(int):
    off, on, transition = range(3)


class CuePoint(LomObject):
    name = Value(str, settable=True, listenable=True, settable_since=(12, 1))
    time = Value(float, listenable=True)

    @call(passing=True)
    def jump(self):
        self._sim.song._sim_set("current_song_time", self._sim_state["time"])


def _set_scale(self, value):
    self._sim_set("scale_name", value if value in SCALES else "Major")


def _length(self):
    return max(self.last_event_time, self._sim_state["loop_start"] + self._sim_state["loop_length"], 1.0)


def _last(self):
    ends = [clip._sim_end() for track in self._sim_state["tracks"] for clip in track._sim_state["clips"]]
    return max([*ends, 0.0])


def _clamped_slot(self):
    song, track = self._sim.song, self.selected_track
    if track not in song._sim_state["tracks"]:
        return None
    return track._sim_state["slots"][song._sim_state["scenes"].index(self.selected_scene)]


def _set_slot(self, value):
    song, track = self._sim.song, value._sim_state["parent"]
    self._sim_set("selected_track", track)
    self._sim_set("selected_scene", song._sim_state["scenes"][track._sim_state["slots"].index(value)])


def _living(name, fallback):
    def read(self):
        value = self._sim_passing[name]
        return fallback(self._sim.song) if value is None or value == None else value  # noqa: E711 Live's idiom for the dead

    return read


def _set_track(self, value):
    self._sim_set("selected_track", value)
    self._sim.selected[:] = [value]


class View(LomObject):
    """`Song.View`: what is selected."""

    selected_track = Value(
        "Track", settable=True, listenable=True, passing=True, write=_set_track,
        read=_living("selected_track", lambda song: song._sim_state["tracks"][0]),
    )  # fmt: skip
    selected_scene = Value(
        "Scene", settable=True, listenable=True, passing=True,
        read=_living("selected_scene", lambda song: song._sim_state["scenes"][0]),
    )  # fmt: skip
    detail_clip = Value(
        Nullable("Clip"), settable=True, listenable=True, passing=True, read=_living("detail_clip", lambda song: None),
    )  # fmt: skip
    highlighted_clip_slot = Value("ClipSlot", settable=True, passing=True, read=_clamped_slot, write=_set_slot)
    follow_song = Value(bool, settable=True, listenable=True, passing=True)


class Song(LomObject):
    """State: `tracks`, `returns`, `main`, `scenes`, `cues`, tempo, meter, loop, scale, where the Set is saved."""

    _sim_late = True
    View = View

    name = Value(str, read=lambda self: self._sim_passing["name"])
    file_path = Value(str, read=lambda self: self._sim_passing["file_path"])
    tempo = Value(float, settable=True, listenable=True, low=20, high=999)
    signature_numerator = Value(int, settable=True, listenable=True, low=1, high=99)
    signature_denominator = Value(int, settable=True, listenable=True, low=1, high=16)
    loop = Value(bool, settable=True, listenable=True)
    loop_start = Value(float, settable=True, listenable=True, low=0, high=1576800)
    loop_length = Value(float, settable=True, listenable=True, low=1 / 64, high=1576800)
    root_note = Value(int, settable=True, listenable=True, low=0, high=11)
    scale_name = Value(str, settable=True, listenable=True, write=_set_scale)
    scale_mode = Value(bool, settable=True, listenable=True)
    scale_intervals = Value(
        IntVector, listenable=True, read=lambda self: IntVector._sim_of(SCALES[self._sim_seen("scale_name")]),
    )  # fmt: skip
    metronome = Value(bool, settable=True, listenable=True, passing=True)
    is_playing = Value(bool, settable=True, listenable=True, passing=True)
    record_mode = Value(bool, settable=True, listenable=True, passing=True)
    session_record = Value(bool, settable=True, listenable=True, passing=True)
    arrangement_overdub = Value(bool, settable=True, listenable=True, passing=True)
    back_to_arranger = Value(bool, settable=True, listenable=True, passing=True)
    current_song_time = Value(float, settable=True, listenable=True, passing=True, low=0, high=1576800)
    song_length = Value(float, listenable=True, read=_length)
    last_event_time = Value(float, read=_last)
    clip_trigger_quantization = Value(int, settable=True, listenable=True, low=0, high=13)
    select_on_launch = Value(bool, read=lambda self: self._sim.preferences["select_on_launch"])
    can_undo = Value(bool, read=lambda self: bool(self._sim.history.undone))
    can_redo = Value(bool, read=lambda self: bool(self._sim.history.redone))
    tracks = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["tracks"]))
    visible_tracks = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["tracks"]))
    return_tracks = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["returns"]))
    master_track = Value("Track", read=lambda self: self._sim_state["main"])
    scenes = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["scenes"]))
    cue_points = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["cues"]))
    view = Value(LomObject, read=lambda self: self._sim.song_view)

    @call(Optional(Nullable(int), None), returns="Track")
    def create_audio_track(self, index):
        return self._sim_new_track("audio", index)

    @call(Optional(Nullable(int), None), returns="Track")
    def create_midi_track(self, index):
        return self._sim_new_track("midi", index)

    @call(int)
    def delete_track(self, index):
        tracks = self._sim_state["tracks"]
        if not 0 <= index < len(tracks) or len(tracks) == 1:
            raise RuntimeError("The track cannot be deleted")
        tracks.pop(index)._sim_die()
        self._sim_notify("tracks")

    @call(int, returns="Scene")
    def create_scene(self, index):
        return self._sim_new_scene(index)

    @call(int)
    def delete_scene(self, index):
        scenes = self._sim_state["scenes"]
        if not 0 <= index < len(scenes) or len(scenes) == 1:
            raise RuntimeError("The scene cannot be deleted")
        scenes.pop(index)._sim_die()
        for track in self._sim_state["tracks"]:
            track._sim_state["slots"].pop(index)._sim_die()
        self._sim_notify("scenes")

    @call()
    def set_or_delete_cue(self):
        """At the playing position."""
        time, cues = self._sim_passing["current_song_time"], self._sim_state["cues"]
        there = [cue for cue in cues if cue._sim_state["time"] == time]
        if there:
            cues.remove(there[0])
            there[0]._sim_die()
        else:
            name = str(len(cues) + 1)
            cues.append(self._sim.classes["Song.CuePoint"]._sim_new(self._sim, parent=self, name=name, time=time))
            cues.sort(key=lambda cue: cue._sim_state["time"])
        self._sim_notify("cue_points")

    @call(passing=True)
    def begin_undo_step(self):
        self._sim.history.begin()

    @call(passing=True)
    def end_undo_step(self):
        self._sim.history.end()

    @call(passing=True, returns=str)
    def undo(self):
        self._sim.history.undo()
        return ""

    @call(passing=True, returns=str)
    def redo(self):
        self._sim.history.redo()
        return ""

    @call(passing=True)
    def start_playing(self):
        self._sim_set("is_playing", True)

    @call(passing=True)
    def continue_playing(self):
        self._sim_set("is_playing", True)

    @call(passing=True)
    def stop_playing(self):
        self._sim_set("is_playing", False)

    @call(Optional(bool, True), passing=True)
    def stop_all_clips(self, quantized):
        for track in self._sim_state["tracks"]:
            self._sim.launcher.stop(track)

    @call(str, object, returns=object, changes=False)
    def get_data(self, key, default_value):
        return self._sim_passing["data"].get(key, default_value)

    @call(str, object, passing=True)
    def set_data(self, key, value):
        saving.check(value)
        self._sim_passing["data"][key] = value

    def _sim_new_track(self, kind, index, group=None):
        live, tracks = self._sim, self._sim_state["tracks"]
        if index is None:
            selected = live.song_view.selected_track
            index = tracks.index(selected) + 1 if selected in tracks else len(tracks)
        place = len(tracks) if index == -1 else index
        if not 0 <= place <= len(tracks) or len(tracks) >= live.most_tracks:
            raise live.classes["Base.LimitationError"]("The maximum number of tracks has been reached")
        if group is None and 0 < place < len(tracks) and tracks[place]._sim_state["group"] is not None:
            group = tracks[place]._sim_state["group"]
        track = live.new_track(self, kind, group)
        tracks.insert(place, track)
        track._sim_state["arm"] = kind == "midi" and live.preferences["new_midi_track_is_armed"]
        self._sim_notify("tracks")
        if live.preferences["new_track_is_selected"]:
            live.user.select(track)
        return track

    def _sim_new_scene(self, index):
        live, scenes = self._sim, self._sim_state["scenes"]
        place = len(scenes) if index == -1 else index
        if not 0 <= place <= len(scenes) or len(scenes) >= live.most_scenes:
            raise live.classes["Base.LimitationError"]("The maximum number of scenes has been reached")
        scene = live.new_scene(self)
        scenes.insert(place, scene)
        for track in self._sim_state["tracks"]:
            track._sim_state["slots"].insert(place, live.new_slot(track))
            track._sim_notify("clip_slots")
        self._sim_notify("scenes")
        return scene


def get_all_scales_ordered():
    return tuple(SCALES.items())
