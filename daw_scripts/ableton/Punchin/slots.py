"""Puts results into slots of the Session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generator, List

from . import likeness, looking, tracks, warp
from .midi import Placed
from .notes import Note
from .results import BESIDE, Result
from .sources import Source

if TYPE_CHECKING:
    from Live.Clip import Clip
    from Live.ClipSlot import ClipSlot
    from Live.Song import Song

_BEATS_MODE = 0
_PLACES = 3
"""Of a beat: a loop ends on one, and not where its last frame is rounded to."""


def fill(song: Song, note: Note, made: List[Result], source: Source) -> Generator[None, None, List[Placed]]:
    """Yields after each insert: under the source where it stands in for it, else on tracks below, in the source's scene.

    At the end, what lies where.
    """
    placed = []
    track, scene = source.track, source.scene
    below = looking.index_of(song, track) if track is not None else len(song.tracks) - 1
    is_homeless = track is None or source.is_lost
    for number, result in enumerate(made):
        if note["verb"] in BESIDE or is_homeless or track is None or not looking.takes_audio(track):
            if is_homeless:
                below = len(song.tracks) - 1
            at = new = tracks.new(song, below + 1, result.track)
            below += 1
            yield
            slot = tracks.free_slot(song, new, scene)
            if note["verb"] not in BESIDE:
                # the other takes go under the first
                track, is_homeless, scene = new, False, scene + 1
        else:
            at = track
            slot = tracks.free_slot(song, track, scene + (0 if number == 0 and note.get("into_slot") else 1))
        placed.append(Placed(result, at, _put(slot, note, result, source)))
        yield
    return placed


def _put(slot: ClipSlot, note: Note, result: Result, source: Source) -> Clip:
    clip = slot.create_audio_clip(result.path)
    if result.like is None:
        # it is to loop and to follow the Set's tempo
        beats = round(result.seconds * float(note["tempo"]) / 60.0, _PLACES)
        likeness.follow(clip, warp.even(result.seconds, beats), _BEATS_MODE)
        likeness.bound(clip, 0.0, beats, (0.0, beats))
        clip.name = result.name
        return clip
    likeness.give(clip, result.like, source.clip)
    heard = result.passes[0]
    if result.like.looping:
        likeness.bound(clip, heard.start, heard.end, (heard.start, heard.end))
    else:
        likeness.bound(clip, heard.start, heard.end)
    return clip
