"""The user's hand: builds Sets, edits while scripts run, saves and undoes. Each call is a step of its own to undo."""

import contextlib
import os

from live import inserting, saving, warping

CONTENT = ("marker_low", "marker_high")
LOOP = ("loop_low", "loop_high")


class User:
    def __init__(self, live):
        self.live = live

    @contextlib.contextmanager
    def edits(self):
        """Changes made inside are the user's: they split a script's open undo step and can be read at once."""
        history = self.live.history
        history.split()
        held, history.open = history.open, False
        try:
            with history.change():
                yield self.live.song
        finally:
            history.open = held
            self.live.settle()

    def audio_track(self, name="", index=-1):
        return self._track("audio", name, index)

    def midi_track(self, name="", index=-1):
        return self._track("midi", name, index)

    def group(self, name, tracks):
        """A group track above some tracks that follow each other."""
        with self.edits() as song:
            place = song._sim_state["tracks"].index(tracks[0])
            group = song._sim_new_track("group", place)
            group._sim_state["name"] = name
            for track in tracks:
                track._sim_state["group"] = group
        return group

    def _track(self, kind, name, index):
        with self.edits() as song:
            track = song._sim_new_track(kind, index)
            track._sim_set("name", name)
        return track

    def scene(self, name="", index=-1):
        with self.edits() as song:
            scene = song._sim_new_scene(index)
            scene._sim_set("name", name)
        return scene

    def cue(self, beat, name):
        with self.edits() as song:
            cue = self.live.classes["Song.CuePoint"]._sim_new(self.live, parent=song, name=name, time=float(beat))
            song._sim_state["cues"] = sorted(
                [*song._sim_state["cues"], cue], key=lambda there: there._sim_state["time"]
            )
            song._sim_notify("cue_points")
        return cue

    def loop_brace(self, start, length, on=True):
        with self.edits() as song:
            for name, value in (("loop_start", float(start)), ("loop_length", float(length)), ("loop", on)):
                song._sim_set(name, value)

    def set(self, thing, **values):
        """Values of any object, also those that scripts of this version can only read."""
        with self.edits():
            for name, value in values.items():
                thing._sim_set(name, value)

    def groove(self, name):
        """A groove in the pool."""
        return self.live._new("Groove.Groove", name=name)

    def insert(self, path, track, beat, **settings):
        """A clip in the arrangement, on a track or a take lane; see `shape` for the settings."""
        with self.edits():
            clip = inserting.audio_clip(self.live, track, str(path), float(beat))
            shape(clip, **settings)
            track._sim_insert(clip)
        return clip

    def drop(self, path, slot, **settings):
        """A clip in a slot."""
        with self.edits():
            clip = inserting.audio_clip(self.live, slot, str(path))
            shape(clip, **settings)
            slot._sim_put(clip)
        return clip

    def midi_clip(self, place, length, beat=None):
        """A MIDI clip in a slot, or on a track at a beat."""
        with self.edits():
            clip = inserting.midi_clip(self.live, place, float(length), beat)
            if beat is None:
                place._sim_put(clip)
            else:
                place._sim_insert(clip)
        return clip

    def move(self, clip, beat, track=None):
        """Drag a clip of the arrangement to another beat, or another track."""
        with self.edits():
            state, source = clip._sim_state, clip._sim_state["parent"]
            target = track or source
            source._sim_state["clips"].remove(clip)
            source._sim_notify("arrangement_clips")
            state["parent"], state["start_time"] = target, float(beat)
            target._sim_insert(clip)

    def delete(self, thing):
        with self.edits() as song:
            kind = type(thing).__name__
            if kind == "Clip":
                thing._sim_state["parent"]._sim_remove(thing)
            elif kind == "Track":
                song._sim_state["tracks"].remove(thing)
                thing._sim_die()
                song._sim_notify("tracks")
            else:
                raise ValueError(f"{kind} cannot be deleted here")

    def select(self, thing):
        """A click on a track, a slot or a clip; what a click on a clip does to track and slot too."""
        view, kind = self.live.song_view, type(thing).__name__
        if kind == "Clip":
            view._sim_set("detail_clip", thing)
            thing = thing._sim_state["parent"]
            thing = thing._sim_state["parent"] if type(thing).__name__ == "TakeLane" else thing
            kind = type(thing).__name__
        if kind == "ClipSlot":
            track = thing._sim_state["parent"]
            scenes = self.live.song._sim_state["scenes"]
            view._sim_set("selected_scene", scenes[track._sim_state["slots"].index(thing)])
            thing = track
        view._sim_set("selected_track", thing)
        self.live.selected[:] = [thing]

    def look_at(self, view):
        """`Session` or `Arranger`."""
        self.live.application_view._sim_set("focused_document_view", view)

    def freeze(self, track):
        self.set(track, frozen=True)
        track._sim_notify("is_frozen")

    def launch(self, slot):
        if self.live.preferences["select_on_launch"]:
            self.select(slot)
        self.live.launcher.fire(slot)

    def undo(self):
        self.live.history.undo()

    def redo(self):
        self.live.history.redo()

    def save(self, path):
        """Save the Set as `path` (…/Name Project/Name.als)."""
        folder, name = os.path.split(str(path))
        os.makedirs(folder, exist_ok=True)
        self.live.song._sim_passing.update(file_path=str(path), name=os.path.splitext(name)[0])
        saving.write(self.live, path)


def shape(
    clip, warping_on=None, tempo=None, markers=None, content=None, loop=None, looping=None, **values
):  # fmt: skip
    """A clip as a user has made it.

    `tempo` warps it straight, `markers` by pairs (seconds, beat) without the hidden one; `content` and `loop` are pairs in
    its own unit, beats where it is warped and seconds where not; others are plain values such as `gain` or `name`.
    """
    state = clip._sim_state
    seconds = state["frames"] / state["rate"]
    if markers is not None:
        state["markers"] = warping.with_shadow(markers, tempo or _tempo_of(markers))
    elif tempo is not None:
        state["markers"] = warping.straight(tempo)
    if warping_on is not None:
        state["warping"] = warping_on
    end = warping.beat_at(state["markers"], seconds) if state["warping"] else seconds
    start = min(warping.beat_at(state["markers"], 0.0), 0.0) if state["warping"] else 0.0
    state.update(zip(CONTENT, content or (start, end)))
    state.update(zip(LOOP, loop or content or (start, end)))
    if looping is not None:
        state["looping"] = looping
    if state["extent"] is not None:
        state["extent"] = clip.loop_end - clip.loop_start
    if "extent" in values:
        values["extent"] = float(values["extent"])
    state.update(values)


def _tempo_of(markers):
    if len(markers) < 2:
        raise ValueError("one marker has no tempo")
    (first, low), (last, high) = markers[-2:]
    return (high - low) * 60 / (last - first)
