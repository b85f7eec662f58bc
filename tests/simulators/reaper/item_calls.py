"""Calls on items, takes and their sources."""

import copy
from pathlib import Path

import soundfile

from reaper.api import Fault
from reaper.chunks import chunk_of, item_of
from reaper.model import Item, Source, Take, new_guid
from reaper.track_calls import listed_value

FORMATS = {"WAV": "WAVE", "WAVEX": "WAVE", "RF64": "WAVE", "FLAC": "FLAC", "OGG": "VORBIS"}


class ItemCalls:
    def CountMediaItems(self, proj):
        return len(self.of(proj).items())

    def GetMediaItem(self, proj, index):
        items = self.of(proj).items()
        return items[index] if 0 <= index < len(items) else None

    def IsMediaItemSelected(self, item):
        self.live(item)
        return bool(item.values["B_UISEL"])

    def GetMediaItem_Track(self, item):
        self.live(item)
        return self.project.track_of(item)

    def GetMediaItemInfo_Value(self, item, name):
        self.live(item)
        listed_value("item", item.values, name)
        return item.values[name]

    def SetMediaItemInfo_Value(self, item, name, value):
        self.edit(item)
        listed_value("item", item.values, name, setting=True)
        if name in {"D_LENGTH", "D_POSITION"} and value < 0:
            raise Fault(f"{name} {value}")
        if name == "I_FIXEDLANE":
            track = self.project.track_of(item)
            if track.values["I_FREEMODE"] != 2 or value >= track.values["I_NUMFIXEDLANES"]:
                raise Fault("an item goes to a lane that its track has not")
        item.values[name] = value
        return True

    def GetSetMediaItemInfo_String(self, item, name, text, setting):
        return self.text_of("item_str", item, name, text, setting)

    def AddMediaItemToTrack(self, track):
        self.edit(track)
        item = Item()
        track.items.append(item)
        return item

    def SplitMediaItem(self, item, position):
        """Both parts keep their selection; a new edge has a fade of the default length, as REAPER's preferences have it."""
        self.edit(item)
        if not item.start < position < item.end:
            return None
        right = copy.deepcopy(item)
        right.guid = new_guid()
        passed = position - item.start
        for take in right.takes:
            take.guid = new_guid()
            take.values["D_STARTOFFS"] += passed * take.values["D_PLAYRATE"]
            take.stretch_markers = [(at - passed, place) for at, place in take.stretch_markers]
        right.values.update(D_POSITION=position, D_LENGTH=item.end - position, D_FADEINLEN=0.01, D_FADEINLEN_AUTO=-1.0)
        item.values.update(D_LENGTH=passed, D_FADEOUTLEN=0.01, D_FADEOUTLEN_AUTO=-1.0)
        self.project.track_of(item).items.append(right)
        return right

    def GetItemStateChunk(self, item, text, for_undo):
        self.live(item)
        return True, chunk_of(item)

    def SetItemStateChunk(self, item, text, for_undo):
        self.edit(item)
        made = item_of(text)
        guids = {one.guid for one in self.project.items()} | {t.guid for one in self.project.items() for t in one.takes}
        if guids & {made.guid, *(take.guid for take in made.takes)}:
            raise Fault("two things with one GUID")
        item.guid, item.values, item.texts, item.takes = made.guid, made.values, made.texts, made.takes
        return True

    def genGuid(self, text):
        return new_guid()

    def UpdateItemInProject(self, item):
        self.live(item)

    # Takes

    def GetActiveTake(self, item):
        self.live(item)
        return item.take

    def GetMediaItemNumTakes(self, item):
        self.live(item)
        return len(item.takes)

    def GetMediaItemTake(self, item, index):
        self.live(item)
        return item.takes[index] if 0 <= index < len(item.takes) else None

    def TakeIsMIDI(self, take):
        self.live(take)
        return bool(take.source and take.source.kind == "MIDI")

    def GetMediaItemTakeInfo_Value(self, take, name):
        self.live(take)
        listed_value("take", take.values, name)
        return take.values[name]

    def SetMediaItemTakeInfo_Value(self, take, name, value):
        self.edit(take)
        listed_value("take", take.values, name, setting=True)
        take.values[name] = value
        return True

    def GetSetMediaItemTakeInfo_String(self, take, name, text, setting):
        return self.text_of("take_str", take, name, text, setting)

    def AddTakeToMediaItem(self, item):
        self.edit(item)
        item.takes.append(Take())
        return item.takes[-1]

    def SetActiveTake(self, take):
        self.edit(take)
        item = self.project.item_of(take)
        item.values["I_CURTAKE"] = float(item.takes.index(take))

    def GetTakeNumStretchMarkers(self, take):
        self.live(take)
        return len(take.stretch_markers)

    def SetTakeStretchMarker(self, take, index, position, place):
        self.edit(take)
        if index != -1 or place is None:
            raise Fault("rig: stretch markers are added, with their place in the file")
        take.stretch_markers = sorted([*take.stretch_markers, (position, place)])
        return take.stretch_markers.index((position, place))

    def DeleteTakeStretchMarkers(self, take, index, count):
        self.edit(take)
        del take.stretch_markers[index : index + (count or 1)]
        return count or 1

    def CountTakeEnvelopes(self, take):
        self.live(take)
        return take.envelopes

    def TakeFX_GetCount(self, take):
        self.live(take)
        return take.effects

    # MIDI that lives in the project: 960 ticks a quarter note from the item's start

    def CreateNewMIDIItemInProj(self, track, start, end, in_quarters):
        self.edit(track)
        if in_quarters:
            raise Fault("rig: MIDI items are made in seconds")
        item = Item(takes=[Take(Source("", "MIDI"))])
        item.values.update(D_POSITION=start, D_LENGTH=end - start)
        track.items.append(item)
        return item

    def MIDI_GetPPQPosFromProjTime(self, take, time):
        self.live(take)
        start = self.project.item_of(take).start
        return 960 * (self.TimeMap2_timeToQN(0, time) - self.TimeMap2_timeToQN(0, start))

    def MIDI_GetProjTimeFromPPQPos(self, take, ticks):
        self.live(take)
        start = self.TimeMap2_timeToQN(0, self.project.item_of(take).start)
        return self.TimeMap2_QNToTime(0, start + ticks / 960)

    def MIDI_GetNote(self, take, index):
        self.live(take)
        if not 0 <= index < len(take.source.notes):
            return False, False, False, 0.0, 0.0, 0, 0, 0
        return True, False, False, *take.source.notes[index]

    def MIDI_InsertNote(self, take, selected, muted, start, end, channel, pitch, velocity, unsorted):
        self.edit(take)
        if not (0 <= start <= end and 0 <= channel < 16 and 0 <= pitch < 128 and 0 < velocity < 128):
            raise Fault(f"a note from {start} to {end}, channel {channel}, pitch {pitch}, velocity {velocity}")
        take.source.notes.append((start, end, channel, pitch, velocity))
        return True

    def MIDI_Sort(self, take):
        self.edit(take)
        take.source.notes.sort()

    # Sources

    def GetMediaItemTake_Source(self, take):
        self.live(take)
        return take.source

    def SetMediaItemTake_Source(self, take, source):
        self.edit(take)
        if any(other.source is source for item in self.project.items() for other in item.takes):
            raise Fault("a source belongs to one take")
        take.source = source
        return True

    def PCM_Source_CreateFromFile(self, path):
        path = self.real(path)
        if not Path(path).is_file():
            return None
        return Source(path, FORMATS[soundfile.info(path).format])

    def PCM_Source_BuildPeaks(self, source, mode):
        """Two runs of work a source; begun, worked off and finished in this order."""
        left = self.peaks.get(source)
        if mode == 0:
            self.peaks[source] = 2 if left is None else left
            return self.peaks[source]
        if left is None:
            raise Fault("peaks that were not begun")
        if mode == 1:
            self.peaks[source] = max(left - 1, 0)
            return self.peaks[source] * 50
        if left:
            raise Fault("peaks are finished before they are built")
        self.peaks[source] = 0
        return 0

    def GetMediaSourceFileName(self, source):
        return source.path

    def GetMediaSourceType(self, source):
        return source.kind

    def GetMediaSourceParent(self, source):
        return source.parent

    def GetMediaSourceLength(self, source):
        if source.kind == "MIDI":
            raise Fault("rig: the length of MIDI is not modelled")
        return soundfile.info(source.path).duration, False

    def GetMediaSourceSampleRate(self, source):
        return 0 if source.kind == "MIDI" else soundfile.info(source.path).samplerate

    def GetMediaSourceNumChannels(self, source):
        return 0 if source.kind == "MIDI" else soundfile.info(source.path).channels
