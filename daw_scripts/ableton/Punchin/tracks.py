"""Tracks for results: those that were made for them, and new ones where these have no room."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Callable, List

from . import looking

if TYPE_CHECKING:
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song
    from Live.Track import Track

_MADE = "punchin"
"""Key of a track's data: it was made for clips, and takes more of them where it is free."""


def new(song: Song, index: int, name: str, midi: bool = False) -> Track:
    """A track of our own at an index, the end's or any behind it for the end. Raises Live's LimitationError."""
    selected = song.view.selected_track
    make = song.create_midi_track if midi else song.create_audio_track
    track = make(index if index < len(song.tracks) else -1)
    if midi and track.arm:
        # some come up so, and would play what the user plays on another
        track.arm = False
    track.name = name
    track.set_data(_MADE, name)
    # it takes the selection, and the user may be at work
    select(song, selected)
    return track


def select(song: Song, track: Track) -> None:
    """Select a track, if it is still there, in place of one of our own."""
    if track == None:  # noqa: E711 a deleted track
        return
    now = song.view.selected_track
    if track != now and now.get_data(_MADE, ""):
        song.view.selected_track = track


def below(song: Song, track: Track) -> List[Track]:
    """The tracks of our own directly below one."""
    rest: List[Track] = list(song.tracks)[looking.index_of(song, track) + 1 :]
    return list(takewhile(lambda other: bool(other.get_data(_MADE, "")), rest))


def below_for(song: Song, track: Track, name: str) -> List[Track]:
    """Those of them that were made for the same kind of clip; the user may have given them other names."""
    return [made for made in below(song, track) if made.get_data(_MADE, "") == name]


def heard_for(song: Song, track: Track, name: str) -> List[Track]:
    """The same, with those of the notes of such clips."""
    found = []
    for made in below(song, track):
        of: str = made.get_data(_MADE, "")
        if of == name or (made.has_midi_input and of.startswith(name + " ")):
            found.append(made)
    return found


def for_notes(song: Song, track: Track, name: str, is_free: Callable[[Track], bool]) -> Track:
    """A MIDI track of this name directly below one, new where none is free. Raises Live's LimitationError."""
    there = list(takewhile(lambda other: other.has_midi_input, below(song, track)))
    for made in there:
        if made.get_data(_MADE, "") == name and not made.is_frozen and is_free(made):
            return made
    return new(song, looking.index_of(song, track) + 1 + len(there), name, midi=True)


def new_below(song: Song, track: Track, name: str) -> Track:
    """A new one under those that are there. Raises Live's LimitationError."""
    return new(song, looking.index_of(song, track) + 1 + len(below(song, track)), name)


def has_room(track: Track, start: float, end: float) -> bool:
    """Whether a clip fits between two beats, and a slot is free for it on its way there."""
    return looking.is_free(track, start, end) and bool(looking.empty_slots(track, 0))


def free_slot(song: Song, track: Track, first: int) -> ClipSlot:
    """The first free slot from a scene on; a new scene where there is none. Raises Live's LimitationError."""
    free = looking.empty_slots(track, first)
    if not free:
        song.create_scene(-1)
        free = looking.empty_slots(track, first)
    return free[0][1]
