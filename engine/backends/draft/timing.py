"""Where beats lie in seconds: a constant tempo, or a map of tempos and meters."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from engine.backends.draft.meter import Meter, bar_beats
from engine.spec import TempoChange

_CLOSE = 1e-6


@dataclass(frozen=True, slots=True)
class TempoPoint:
    """From here on a tempo holds."""

    beat: float
    """Quarter notes from the start of the piece."""
    seconds: float
    """The same place in seconds."""
    bpm: float
    """Quarter notes a minute."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The tempos of a piece in order; the first holds from beat 0."""

    points: tuple[TempoPoint, ...]

    def seconds_at(self, beat: float) -> float:
        """Seconds from the start of the piece to a beat."""
        point = self.points[max(0, bisect_right(self.points, beat, key=lambda each: each.beat) - 1)]
        return point.seconds + (beat - point.beat) * 60 / point.bpm

    def beat_at(self, seconds: float) -> float:
        """Quarter notes from the start of the piece to a time."""
        point = self.points[max(0, bisect_right(self.points, seconds, key=lambda each: each.seconds) - 1)]
        return point.beat + (seconds - point.seconds) * point.bpm / 60


@dataclass(frozen=True, slots=True)
class Measure:
    """A bar before anything is in it: start and end in quarter notes, and its meter."""

    start: float
    end: float
    meter: Meter


def constant(bpm: float) -> Timing:
    """One tempo throughout."""
    return Timing((TempoPoint(0.0, 0.0, bpm),))


def mapped(changes: Sequence[TempoChange]) -> Timing:
    """The tempos of `RenderSpec.tempo_map`; what comes at or before second 0 holds from the start."""
    points: list[TempoPoint] = []
    for seconds, bpm, _, _ in changes:
        if seconds <= 0 or not points:
            points = [TempoPoint(0.0, 0.0, bpm)]
        if seconds > 0:
            points.append(TempoPoint(Timing(tuple(points)).beat_at(seconds), seconds, bpm))
    return Timing(tuple(points))


def measures(beats: float, meter: Meter, timing: Timing, changes: Sequence[TempoChange] = ()) -> list[Measure]:
    """The bars of a piece of `beats` quarter notes; a new meter starts a new bar, and cuts the one before."""
    borders = [(0.0, meter)]
    for seconds, _, count, value in changes:
        beat = timing.beat_at(seconds)
        if beat <= _CLOSE:
            borders = [(0.0, (count, value))]
        elif (count, value) != borders[-1][1] and beat < beats - _CLOSE:
            borders.append((beat, (count, value)))
    bars: list[Measure] = []
    for (start, inside), (end, _) in zip(borders, [*borders[1:], (beats, meter)], strict=True):
        length, index = bar_beats(inside), 0
        while (first := start + index * length) < end - _CLOSE:
            bars.append(Measure(first, min(first + length, end), inside))
            index += 1
    return bars
