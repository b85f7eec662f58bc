"""A stretch of a score."""

from collections.abc import Iterator
from dataclasses import replace

from engine.backends.draft.band import BEATEN
from engine.backends.draft.score import Note, Score

_CARRIED_SECONDS = 0.1
"""A held note that began earlier is taken up where so much of it is left."""


def excerpt(score: Score, start: float, end: float) -> Score:
    """A score in seconds (60 quarters a minute), from one time to another; pitched notes that have begun before are taken up."""

    def cut(notes: tuple[Note, ...], *, beaten: bool) -> Iterator[Note]:
        for note in notes:
            first, last = note.start - start, note.start + note.length - start
            if 0 <= first < end - start:
                yield replace(note, start=first)
            elif first < 0 and last > _CARRIED_SECONDS and not beaten:
                yield replace(note, start=0.0, length=last)

    parts = tuple(replace(part, notes=tuple(cut(part.notes, beaten=part.name in BEATEN))) for part in score.parts)
    return replace(score, beats=end - start, parts=parts, chords=())
