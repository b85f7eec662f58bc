"""From likelihoods to notes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import ndimage

from engine.analysis.spectrum import FloatArray
from engine.transcription.net import FRAME_SECONDS, LOWEST, Heard

_BEGINS, _SOUNDS = 0.6, 0.45
_GAP, _SHORTEST = 6, 5
"""Frames: how long a note may seem to be gone, and how short one may be."""
_TOGETHER_SECONDS = 0.06


@dataclass(frozen=True, slots=True)
class HeardNote:
    """A note or a drum hit that was heard."""

    start: float
    """Seconds."""
    end: float
    pitch: int
    """MIDI note number; General MIDI's drum notes for drums."""
    velocity: float
    """Over 0, up to 1."""


def notes_of(heard: Heard) -> tuple[HeardNote, ...]:
    """The notes, in order of their starts: each begins at a peak of its likelihood and lasts while it sounds."""
    found = [note for column in range(heard.sounding.shape[1]) for note in _of_pitch(heard, column)]
    return tuple(sorted(found, key=lambda note: (note.start, note.pitch)))


def _of_pitch(heard: Heard, column: int) -> list[HeardNote]:
    sounding, beginning = heard.sounding[:, column], heard.beginning[:, column]
    starts = np.flatnonzero((beginning > _BEGINS) & (beginning == ndimage.maximum_filter1d(beginning, 5))).tolist()
    found = []
    for start, after in pairwise([*starts, len(sounding)]):
        end = _end(sounding, start, after)
        if end - start >= _SHORTEST:
            level = float(sounding[start:end].mean())
            found.append(
                HeardNote(start * FRAME_SECONDS, end * FRAME_SECONDS, LOWEST + column, float(np.clip(level, 0.05, 1.0)))
            )
    return found


def _end(sounding: FloatArray, start: int, after: int) -> int:
    """The frame after the last that sounds, of a note that begins at `start`, before the next of its pitch begins."""
    loud = np.flatnonzero(sounding[start:after] > _SOUNDS)
    if not len(loud):
        return start
    gaps = np.flatnonzero(np.diff(loud, prepend=0) > _GAP)
    last = loud[gaps[0] - 1] if len(gaps) and gaps[0] else loud[-1]
    return start + int(last) + 1


def one_at_a_time(notes: Sequence[HeardNote]) -> tuple[HeardNote, ...]:
    """Of notes that begin together the clearest, each until the next begins: a line, as a bass plays."""
    clearest = [
        note
        for note in notes
        if not any(_drowns(other, note) for other in notes if abs(other.start - note.start) < _TOGETHER_SECONDS)
    ]
    ends = [after.start for after in clearest[1:]] + [np.inf]
    return tuple(
        replace(note, end=min(note.end, end)) for note, end in zip(clearest, ends, strict=False) if note.start < end
    )


def _drowns(other: HeardNote, note: HeardNote) -> bool:
    return (other.velocity, -other.pitch) > (note.velocity, -note.pitch)
