"""Tracks and clips by what was noted of them: objects may die while a job runs, and get other pointers in a later Live."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song
    from Live.Track import Track

RUN = uuid.uuid4().hex
"""Pointers mean something only as long as this Live runs."""
_SAME_BEAT = 1e-4


def note_of_track(song: Song, track: Track) -> Dict[str, Any]:
    """What finds a track again."""
    return {"run": RUN, "pointer": track._live_ptr, "name": track.name, "index": index_of(song, track)}


def note_of_clip(clip: Clip) -> Dict[str, Any]:
    """What finds an audio clip of a track again."""
    return {"run": RUN, "pointer": clip._live_ptr, "path": clip.file_path, "at": clip.start_time}


def index_of(song: Song, track: Track) -> int:
    """Its place among the song's tracks; -1 for one that is none of them."""
    return next((index for index, other in enumerate(song.tracks) if other == track), -1)


def track(song: Song, note: Dict[str, Any]) -> Optional[Track]:
    """The track that was noted, or None where it is gone."""
    tracks: List[Track] = list(song.tracks)
    if note["run"] == RUN:
        pointer: int = note["pointer"]
        return next((other for other in tracks if other._live_ptr == pointer), None)
    named = [index for index, other in enumerate(tracks) if other.name == note["name"]]
    at: int = note["index"] if note["index"] in named or len(named) != 1 else named[0]
    return tracks[at] if at in named else None


def arrangement_clip(of: Track, note: Dict[str, Any]) -> Optional[Clip]:
    """The clip that was noted, on its track's timeline."""
    clips: List[Clip] = list(of.arrangement_clips)
    for clip in clips:
        if note["run"] == RUN:
            if clip._live_ptr == note["pointer"]:
                return clip
        elif clip.is_audio_clip and clip.file_path == note["path"] and abs(clip.start_time - note["at"]) < _SAME_BEAT:
            return clip
    return None


def session_clip(of: Track, note: Dict[str, Any]) -> Optional[Tuple[int, Clip]]:
    """The clip that was noted and the number of its slot."""
    for index, slot in enumerate(of.clip_slots):
        if not slot.has_clip:
            continue
        clip = slot.clip
        if note["run"] == RUN:
            if clip._live_ptr == note["pointer"]:
                return index, clip
        elif index == note["scene"] and clip.is_audio_clip and clip.file_path == note["path"]:
            return index, clip
    return None


def between(of: Track, start: float, end: float) -> List[Clip]:
    """The clips on a track's timeline that reach into what lies between two beats."""
    clips: List[Clip] = list(of.arrangement_clips)
    return [clip for clip in clips if clip.end_time > start + _SAME_BEAT and clip.start_time < end - _SAME_BEAT]


def is_within(clip: Clip, start: float, end: float) -> bool:
    """Whether a clip begins and ends between two beats."""
    return clip.start_time > start - _SAME_BEAT and clip.end_time < end + _SAME_BEAT


def is_free(of: Track, start: float, end: float) -> bool:
    """Whether nothing lies on a track's timeline between two beats."""
    return not between(of, start, end)


def takes_audio(of: Track) -> bool:
    """Whether audio clips can be made on a track."""
    return of.has_audio_input and not of.has_midi_input and not of.is_foldable and not of.is_frozen


def empty_slots(of: Track, first: int) -> List[Tuple[int, ClipSlot]]:
    """The slots without a clip from scene `first` on."""
    slots = list(enumerate(of.clip_slots))
    return [(index, slot) for index, slot in slots[max(first, 0) :] if not slot.has_clip and not slot.is_group_slot]
