"""`Live.Track` and `Live.TakeLane`: audio, MIDI, group, return and main tracks, their slots and their clips in time."""

from live import inserting, saving
from live.lom import LomObject, Nullable, Optional, Value, Vector, call


def checked_for_audio(track, beat=None):
    """Whether an audio clip may be put on a track now."""
    state = track._sim_state
    if state["kind"] != "audio":
        raise RuntimeError("Audio clips can only be created on audio tracks")
    if state["frozen"]:
        raise RuntimeError("Clips cannot be created on frozen tracks")
    if beat is not None:
        if not 0.0 <= beat <= inserting.LATEST:
            raise RuntimeError("Time is out of range")
        if state["recording"]:
            raise RuntimeError("Clips cannot be created while recording")


class _Lane(LomObject):
    """What holds clips in time: state `clips`, in the order of their starts."""

    arrangement_clips = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["clips"]))

    def _sim_insert(self, clip):
        self._sim_state["clips"].append(clip)
        self._sim_make_room(clip)

    def _sim_make_room(self, clip):
        clips = inserting.make_room(self._sim_state["clips"], clip)
        self._sim_state["clips"] = sorted(clips, key=lambda there: there._sim_state["start_time"])
        self._sim_notify("arrangement_clips")

    def _sim_remove(self, clip):
        self._sim_state["clips"].remove(clip)
        clip._sim_die()
        self._sim_notify("arrangement_clips")

    def _sim_die(self):
        for clip in self._sim_state["clips"]:
            clip._sim_die()
        self._sim_state["dead"] = True


class TakeLane(_Lane):
    name = Value(str, settable=True, listenable=True)

    @call(str, float, returns="Clip")
    def create_audio_clip(self, file_path, start_time):
        checked_for_audio(self._sim_state["parent"], start_time)
        clip = inserting.audio_clip(self._sim, self, file_path, start_time)
        self._sim.inserted.append(self._sim.now)
        self._sim_insert(clip)
        return clip


def _name(self):
    state = self._sim_state
    if state["name"]:
        return state["name"]
    song = self._sim.song
    if self in song._sim_state["tracks"]:
        place = song._sim_state["tracks"].index(self) + 1
        kind = {"audio": "Audio", "midi": "MIDI", "group": "Group"}[state["kind"]]
        return f"{place}-{kind}"
    return "Main" if state["kind"] == "main" else "Return"


def _set_arm(self, value):
    if not self.can_be_armed:
        raise RuntimeError("Main or Return Tracks have no 'Arm' state!")
    self._sim_set("arm", value)


def _set_session(self, value):
    if self._sim_state["kind"] == "main":
        raise RuntimeError("Main Tracks have no 'Mute' or 'Solo' state!")
    return value


def _set_mute(self, value):
    self._sim_set("mute", _set_session(self, value))


def _set_solo(self, value):
    self._sim_set("solo", _set_session(self, value))


class Track(_Lane):
    """State: `kind` (audio, midi, group, return, main), `group`, `slots`, `lanes`, `clips`, `frozen`, `recording`, …"""

    name = Value(str, settable=True, listenable=True, read=_name)
    color = Value(int, settable=True, listenable=True, low=0, high=0xFFFFFF)
    color_index = Value(int, settable=True, listenable=True, low=0, high=69)
    arm = Value(bool, settable=True, listenable=True, write=_set_arm)
    mute = Value(bool, settable=True, listenable=True, write=_set_mute)
    solo = Value(bool, settable=True, listenable=True, write=_set_solo)
    muted_via_solo = Value(bool, listenable=True, read=lambda self: self._sim_muted_via_solo())
    can_be_armed = Value(bool, read=lambda self: self._sim_state["kind"] in {"audio", "midi"})
    can_be_frozen = Value(bool, read=lambda self: self._sim_state["kind"] in {"audio", "midi"})
    is_frozen = Value(bool, listenable=True, read=lambda self: self._sim_state["frozen"])
    is_foldable = Value(bool, read=lambda self: self._sim_state["kind"] == "group")
    is_grouped = Value(bool, read=lambda self: self._sim_state["group"] is not None)
    group_track = Value(Nullable("Track"), read=lambda self: self._sim_state["group"])
    is_visible = Value(bool, read=lambda self: True)
    is_part_of_selection = Value(bool, read=lambda self: self in self._sim.selected)
    has_audio_input = Value(bool, listenable=True, read=lambda self: self._sim_state["kind"] in {"audio", "group"})
    has_audio_output = Value(bool, listenable=True, read=lambda self: self._sim_state["kind"] != "midi")
    has_midi_input = Value(bool, listenable=True, read=lambda self: self._sim_state["kind"] == "midi")
    has_midi_output = Value(bool, listenable=True, read=lambda self: self._sim_state["kind"] == "midi")
    clip_slots = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["slots"]))
    take_lanes = Value(Vector, listenable=True, read=lambda self: self._sim.vector(self._sim_state["lanes"]))
    devices = Value(Vector, listenable=True, read=lambda self: self._sim.vector([]))
    playing_slot_index = Value(int, listenable=True, read=lambda self: self._sim_passing["playing"])
    fired_slot_index = Value(int, listenable=True, read=lambda self: self._sim_passing["fired"])

    @call(str, float, returns="Clip")
    def create_audio_clip(self, file_path, position):
        """Lies on what is there. Gives the clip from Live 12.2 on, nothing before."""
        checked_for_audio(self, position)
        clip = inserting.audio_clip(self._sim, self, file_path, position)
        self._sim.inserted.append(self._sim.now)
        self._sim_insert(clip)
        return clip if self._sim.version >= (12, 2) else None

    @call(returns="TakeLane")
    def create_take_lane(self):
        lane = self._sim.new_lane(self)
        self._sim_state["lanes"].append(lane)
        self._sim_notify("take_lanes")
        return lane

    @call("Clip")
    def delete_clip(self, clip):
        """Of the slots, the arrangement and the lanes of this track."""
        holder = clip._sim_state["parent"]
        if self not in (holder, holder._sim_state.get("parent")):
            raise RuntimeError("The clip belongs to another track")
        holder._sim_remove(clip)

    @call("Clip", float, returns="Clip")
    def duplicate_clip_to_arrangement(self, clip, destination_time):
        state = clip._sim_state
        if state["audio"] != (self._sim_state["kind"] == "audio") or self._sim_state["frozen"]:
            raise RuntimeError("The clip does not fit the track")
        if not 0.0 <= destination_time <= inserting.LATEST:
            raise RuntimeError("Time is out of range")
        copy = inserting.copied(self._sim, clip, self, destination_time)
        over = any(
            there._sim_state["start_time"] < copy._sim_end() and there._sim_end() > destination_time
            for there in self._sim_state["clips"]
        )
        if over and state["extent"] is not None:
            self._sim.fault("Live crashes: an arrangement clip was duplicated over another")
        self._sim_insert(copy)
        return copy

    @call(int, returns=int)
    def duplicate_clip_slot(self, index):
        slots = self._sim_state["slots"]
        clip = slots[index].clip
        if clip is None:
            raise RuntimeError("The slot is empty")
        free = next((place for place in range(index + 1, len(slots)) if slots[place].clip is None), None)
        if free is None:
            self._sim.song._sim_new_scene(-1)
            free = len(self._sim_state["slots"]) - 1
        target = self._sim_state["slots"][free]
        target._sim_put(inserting.copied(self._sim, clip, target))
        return free

    @call(Optional(bool, True), passing=True)
    def stop_all_clips(self, quantized):
        self._sim.launcher.stop(self)

    @call(str, object, returns=object, changes=False)
    def get_data(self, key, default_value):
        return self._sim_passing["data"].get(key, default_value)

    @call(str, object, passing=True)
    def set_data(self, key, value):
        saving.check(value)
        self._sim_passing["data"][key] = value

    def _sim_muted_via_solo(self):
        return not self._sim_state["solo"] and any(track.solo for track in self._sim.song._sim_state["tracks"])

    def _sim_die(self):
        for part in self._sim_state["slots"] + self._sim_state["lanes"]:
            part._sim_die()
        _Lane._sim_die(self)
