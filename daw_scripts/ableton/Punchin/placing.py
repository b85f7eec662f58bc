"""Puts the clips of a job where its note says, one insert a tick, as one undo step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generator, List, NamedTuple, Optional

import Live

from . import midi, results, slots, sources, timeline, tracks, versions
from .notes import Note
from .results import BESIDE, Clips, Result
from .sources import Source

if TYPE_CHECKING:
    from Live.Song import Song


_ADDED = ("generate", "lego", "complete")
"""Verbs whose results are to be heard together with what is there."""


class Told(NamedTuple):
    """What the user is told once all is placed."""

    sentence: str


def place(song: Song, note: Note, clips: Clips) -> Generator[Optional[Told], None, None]:
    """Yields None after each insert, to be gone on with at the next tick, and Told at the end.

    Raises Live's errors; what is placed by then stays. The undo step is closed in any case.
    """
    song.begin_undo_step()
    selected = song.view.selected_track
    try:
        source = sources.find(song, note)
        made = results.read(note, clips, song.tempo, source.moved)
        on_lane = note["place"] == "lane" and timeline.fits_lane(note, made, source)
        if note["scene"] >= 0:
            placed = yield from slots.fill(song, note, made, source)
        elif on_lane:
            placed = yield from timeline.onto_lanes(made, source)
        else:
            if note["verb"] not in _ADDED:
                timeline.silence_older(song, made, source, in_part=not note.get("mute"))
            placed = yield from timeline.lay(song, note, made, source)
        if note.get("mute") and source.clip is not None and not on_lane:
            source.clip.muted = True
        # last: where there is no room for all, the notes are what is left out
        yield from midi.beside(song, placed)
        told = _told(note, made, source, on_lane)
    finally:
        song.end_undo_step()
        # some versions may select a new track only at their next tick
        tracks.select(song, selected)
    yield Told(told)


def _told(note: Note, made: List[Result], source: Source, on_lane: bool) -> str:
    takes = 1 + max(result.take for result in made)
    if source.is_lost:
        return "What the %s was meant for is gone: it is on a new track at the end." % note["verb"]
    if note.get("partial") and source.clip is not None:
        return "%s still plays as well: it is longer than the selection." % source.clip.name
    if note.get("midi") and not any(result.midi for result in made):
        return "Done, without MIDI: no notes were found in it."
    if note["scene"] >= 0 or on_lane:
        return "Done."
    if note["place"] == "lane" and source.clip is not None and note["verb"] not in BESIDE:
        reason = (
            "it would not lie there from end to end"
            if versions.has_take_lanes()
            else "scripts make lanes from Live 12.2 on"
        )
        return "Done, on a track below and not on a take lane: %s." % reason
    if takes > 1:
        return "Done: the first of %d takes is heard, the others are switched off." % takes
    return "Done."


def is_limit(error: BaseException) -> bool:
    """Whether this edition of Live has no room for another track or scene."""
    return isinstance(error, Live.Base.LimitationError)
