"""`Live.ClipSlot` and `Live.Scene`: the grid of the Session view."""

from live import inserting
from live.lom import LomObject, Nullable, Optional, Value, Vector, call
from live.track import checked_for_audio


class ClipSlotPlayingState(int):
    stopped, started, recording = range(3)


def _status(self):
    clip = self._sim_state["clip"]
    return 1 if clip is not None and clip._sim_passing["playing"] else 0


class ClipSlot(LomObject):
    """State: `clip` or None, `stop_button`; its parent is the track."""

    clip = Value(Nullable("Clip"))
    has_clip = Value(bool, listenable=True, read=lambda self: self._sim_state["clip"] is not None)
    has_stop_button = Value(bool, settable=True, listenable=True)
    is_group_slot = Value(bool, read=lambda self: self._sim_state["parent"]._sim_state["kind"] == "group")
    is_playing = Value(bool, read=lambda self: _status(self) == 1)
    is_recording = Value(bool, read=lambda self: False)
    is_triggered = Value(bool, listenable=True, read=lambda self: self._sim_passing["fired"])
    playing_status = Value(int, listenable=True, read=_status)

    @call(str, returns="Clip")
    def create_audio_clip(self, file_path):
        track = self._sim_state["parent"]
        checked_for_audio(track)
        if self._sim_state["clip"] is not None:
            raise RuntimeError("The slot has a clip already")
        clip = inserting.audio_clip(self._sim, self, file_path)
        self._sim.inserted.append(self._sim.now)
        self._sim_put(clip)
        return clip

    @call(float, returns="Clip")
    def create_clip(self, length):
        track = self._sim_state["parent"]
        if self._sim_state["clip"] is not None or track._sim_state["kind"] != "midi" or length <= 0:
            raise RuntimeError("Clips can only be created in empty slots of MIDI tracks")
        clip = inserting.midi_clip(self._sim, self, length)
        self._sim_put(clip)
        return clip

    @call()
    def delete_clip(self):
        if self._sim_state["clip"] is None:
            raise RuntimeError("The slot is empty")
        self._sim_remove(self._sim_state["clip"])

    @call("ClipSlot")
    def duplicate_clip_to(self, target_clip_slot):
        clip, target = self._sim_state["clip"], target_clip_slot
        if clip is None:
            raise RuntimeError("The slot is empty")
        if target._sim_state["parent"]._sim_state["kind"] != self._sim_state["parent"]._sim_state["kind"]:
            raise RuntimeError("The tracks are of different kinds")
        if target._sim_state["clip"] is not None:
            target._sim_remove(target._sim_state["clip"])
        target._sim_put(inserting.copied(self._sim, clip, target))

    @call(passing=True)
    def fire(self):
        self._sim.launcher.fire(self)

    @call(passing=True)
    def stop(self):
        if _status(self):
            self._sim.launcher.stop(self._sim_state["parent"])

    def _sim_put(self, clip):
        self._sim_state["clip"] = clip
        self._sim_notify("has_clip")

    def _sim_remove(self, clip):
        if clip._sim_passing["playing"]:
            self._sim.launcher.stop(self._sim_state["parent"])
        self._sim_state["clip"] = None
        clip._sim_die()
        self._sim_notify("has_clip")

    def _sim_make_room(self, clip):
        """A slot has one clip."""

    def _sim_die(self):
        if self._sim_state["clip"] is not None:
            self._sim_state["clip"]._sim_die()
        self._sim_state["dead"] = True


def _slots(self):
    place = self._sim_state["parent"]._sim_state["scenes"].index(self)
    tracks = self._sim_state["parent"]._sim_state["tracks"]
    return self._sim.vector(track._sim_state["slots"][place] for track in tracks)


class Scene(LomObject):
    name = Value(str, settable=True, listenable=True)
    color = Value(int, settable=True, listenable=True, low=0, high=0xFFFFFF)
    color_index = Value(Nullable(int), settable=True, listenable=True)
    clip_slots = Value(Vector, listenable=True, read=_slots)
    is_empty = Value(bool, read=lambda self: all(slot.clip is None for slot in _slots(self)))
    is_triggered = Value(bool, listenable=True, read=lambda self: any(slot.is_triggered for slot in _slots(self)))
    tempo = Value(float, settable=True, listenable=True)
    tempo_enabled = Value(bool, settable=True, listenable=True)
    time_signature_numerator = Value(int, settable=True, listenable=True)
    time_signature_denominator = Value(int, settable=True, listenable=True)
    time_signature_enabled = Value(bool, settable=True, listenable=True)

    @call(Optional(bool, False), Optional(bool, True), passing=True)
    def fire(self, force_legato, can_select_scene_on_launch):
        for slot in _slots(self):
            self._sim.launcher.fire(slot)
