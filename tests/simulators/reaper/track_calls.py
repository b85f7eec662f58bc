"""Calls on tracks."""

from reaper.accessor import Accessor
from reaper.api import Fault, parameter
from reaper.model import Array, Track, new_guid


def listed_value(kind, values, name, *, setting=False):
    """Check a parameter's spelling; one that the rig does not model is a fault, not 0."""
    parameter(kind, name, setting=setting)
    if name not in values and not name.startswith("C_LANEPLAYS"):
        raise Fault(f"rig: {name} of {kind} is not modelled")


class TrackCalls:
    def CountTracks(self, proj):
        return len(self.of(proj).content.tracks)

    def GetTrack(self, proj, index):
        tracks = self.of(proj).content.tracks
        return tracks[index] if 0 <= index < len(tracks) else None

    def _selected_tracks(self, proj):
        return [track for track in self.of(proj).content.tracks if track.values["I_SELECTED"]]

    def CountSelectedTracks(self, proj):
        return len(self._selected_tracks(proj))

    def GetSelectedTrack(self, proj, index):
        selected = self._selected_tracks(proj)
        return selected[index] if 0 <= index < len(selected) else None

    def IsTrackSelected(self, track):
        self.live(track)
        return bool(track.values["I_SELECTED"])

    def SetTrackSelected(self, track, selected):
        self.live(track)
        track.values["I_SELECTED"] = float(selected)

    def SetOnlyTrackSelected(self, track):
        self.live(track)
        self.project.select_tracks(track)

    def GetTrackGUID(self, track):
        self.live(track)
        return track.guid

    def GetMediaTrackInfo_Value(self, track, name):
        self.live(track)
        if name == "IP_TRACKNUMBER":
            parameter("track", name, setting=False)
            return self.project.content.tracks.index(track) + 1
        listed_value("track", track.values, name)
        return track.values.get(name, 0.0)

    def SetMediaTrackInfo_Value(self, track, name, value):
        self.edit(track)
        listed_value("track", track.values, name, setting=True)
        if name.startswith("C_LANEPLAYS"):
            self._play_lane(track, name, value)
        track.values[name] = value
        return True

    @staticmethod
    def _play_lane(track, name, value):
        if track.values["I_FREEMODE"] != 2 or int(name.partition(":")[2]) >= track.values["I_NUMFIXEDLANES"]:
            raise Fault(f"{name}: there is no such lane")
        for lane in range(int(track.values["I_NUMFIXEDLANES"])):
            kept = track.values.get(f"C_LANEPLAYS:{lane}", 0.0)
            track.values[f"C_LANEPLAYS:{lane}"] = 0.0 if value == 1 else kept

    def GetSetMediaTrackInfo_String(self, track, name, text, setting):
        return self.text_of("track_str", track, name, text, setting)

    def text_of(self, kind, thing, name, text, setting):
        """A text parameter of a track, an item or a take."""
        (self.edit if setting else self.live)(thing)
        listed = parameter(kind, name, setting=setting)
        if name == "GUID":
            if setting:
                raise Fault("rig: GUIDs stay as they are")
            return True, thing.guid
        if listed not in {"P_NAME", "P_NOTES", "P_EXT:xyz", "P_LANENAME:n"}:
            raise Fault(f"rig: {name} is not modelled")
        if setting and "\n" in text and name != "P_NOTES":
            raise Fault(f"{name} is a line of the project file")
        if setting:
            thing.texts[name] = text
        return name in thing.texts, thing.texts.get(name, "")

    def InsertTrackAtIndex(self, index, defaults):
        self._insert_track(index)

    def InsertTrackInProject(self, proj, index, flags):
        self._insert_track(index)

    def _insert_track(self, index):
        self.edit(self.project)
        self.project.content.tracks.insert(min(index, len(self.project.content.tracks)), Track(guid=new_guid()))

    def ColorToNative(self, red, green, blue):
        return red | green << 8 | blue << 16

    def CountTrackMediaItems(self, track):
        self.live(track)
        return len(track.items)

    def GetTrackMediaItem(self, track, index):
        self.live(track)
        items = sorted(track.items, key=lambda item: item.start)
        return items[index] if 0 <= index < len(items) else None

    # Audio

    def CreateTrackAudioAccessor(self, track):
        self.live(track)
        accessor = Accessor(track)
        self.accessors.append(accessor)
        return accessor

    def GetAudioAccessorSamples(self, accessor, rate, channels, start, frames, array):
        if accessor not in self.accessors:
            raise Fault("an audio accessor that was destroyed")
        if not isinstance(array, Array) or len(array.values) < frames * channels:
            raise Fault("the reaper.array is too small for the samples asked for")
        block = accessor.read(rate, channels, start, frames)
        if block is None:
            return 0
        array.values[: frames * channels] = block.ravel().tolist()
        return 1

    def DestroyAudioAccessor(self, accessor):
        if accessor not in self.accessors:
            raise Fault("an audio accessor is destroyed twice")
        self.accessors.remove(accessor)
