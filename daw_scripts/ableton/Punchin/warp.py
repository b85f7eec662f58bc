"""Warp maps: which moment of a file is heard at which beat. Pure functions; a marker is (seconds of the file, beat).

The last marker of a map only says how fast its end goes on, as the hidden one of Live's own maps does.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import List, Sequence, Tuple

Marker = Tuple[float, float]
WarpMap = List[Marker]

_SAME = 1e-7


def beat_at(markers: Sequence[Marker], seconds: float) -> float:
    """The beat at which a moment of the file is heard: linear between markers, beyond them as in the outer segments."""
    return beats_at(markers, [seconds])[0]


def beats_at(markers: Sequence[Marker], moments: Sequence[float]) -> List[float]:
    """The same for each of many moments."""
    at = [marker[0] for marker in markers]
    beats = []
    for seconds in moments:
        (first, low), (last, high) = _segment(at, markers, seconds)
        beats.append(low + (seconds - first) * (high - low) / (last - first))
    return beats


def seconds_at(markers: Sequence[Marker], beat: float) -> float:
    """The moment of the file that is heard at a beat."""
    (first, low), (last, high) = _segment([marker[1] for marker in markers], markers, beat)
    return first + (beat - low) * (last - first) / (high - low)


def part(markers: Sequence[Marker], start: float, end: float) -> WarpMap:
    """The map of a file that holds only the seconds `start` to `end`: the same audio is heard at the same beats.

    `start` and `end` may lie outside of the file, where it goes on as the outer segments do.
    """
    inside = [(seconds - start, beat) for seconds, beat in markers[:-1] if start + _SAME < seconds < end - _SAME]
    return [(0.0, beat_at(markers, start))] + inside + [(end - start, beat_at(markers, end))]


def even(seconds: float, beats: float) -> WarpMap:
    """The map of a file of constant tempo whose first frame is beat 0."""
    return [(0.0, 0.0), (seconds, beats)]


def _segment(at: Sequence[float], markers: Sequence[Marker], where: float) -> Tuple[Marker, Marker]:
    if len(markers) < 2:
        raise ValueError("a warp map has two markers or more, %d came" % len(markers))
    index = min(max(bisect_right(at, where), 1), len(markers) - 1)
    return markers[index - 1], markers[index]
