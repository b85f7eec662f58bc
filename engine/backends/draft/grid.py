"""The beats and bars of a source: the project's where they are given, else heard."""

from dataclasses import dataclass

import numpy as np

from engine.analysis.bars import bar_phase, followed
from engine.analysis.onsets import Envelope, onsets_of
from engine.analysis.pitch import PitchMap
from engine.analysis.rhythm import TempoCurve, aligned_phase, curve_of
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick
from engine.spec import RenderSpec

_CLOSE = 1e-6


@dataclass(frozen=True, slots=True)
class Grid:
    """Quarter notes and the seconds at which they fall; quarter 0 is the last bar line at or before the source's start."""

    quarters: DoubleArray
    """[points] rising, from 0 or below to past the source's end."""
    times: DoubleArray
    """[points] seconds from the source's start."""
    bar_beats: float
    """Quarter notes a bar."""

    def seconds(self, quarters: DoubleArray) -> DoubleArray:
        """Times of positions in quarter notes; past the known points the tempo goes on as it was."""
        return _through(self.quarters, self.times, quarters)

    def beats(self, seconds: DoubleArray) -> DoubleArray:
        """Positions in quarter notes of times: the inverse of `seconds`."""
        return _through(self.times, self.quarters, seconds)

    @property
    def bpm(self) -> float:
        """The median tempo."""
        return float(60 * np.median(np.diff(self.quarters) / np.diff(self.times)))

    def bars(self, seconds: float) -> DoubleArray:
        """Times of the bar lines from the one at or before 0 to the first at or after the end."""
        last = float(self.beats(np.array([seconds]))[0]) / self.bar_beats
        count = max(1, int(np.ceil(last - _CLOSE)))
        return self.seconds(np.arange(count + 1, dtype=np.float64) * self.bar_beats)


def grid_of(mono: FloatArray, rate: float, envelope: Envelope, pitches: PitchMap, spec: RenderSpec, tick: Tick) -> Grid:
    """The grid of a source that is heard as a `mono_copy`, its onset envelope and its pitches.

    A tempo map begins with a bar; a tempo with a position counts bars from the project's start. A tempo alone leaves the
    phase to be heard, and without one the beats are estimated and followed as the tempo wanders.
    """
    numerator, denominator = spec.tempo_map[0][2:] if spec.tempo_map else spec.meter_parts
    bar = numerator * 4 / denominator
    seconds = len(mono) / rate
    curve = curve_of(envelope, spec.bpm, spec.tempo_map, 0.0)
    if spec.tempo_map or (spec.bpm and spec.position is not None):
        shift = 0.0 if spec.tempo_map else (spec.position or 0.0) * curve.bpms[0] / 60
        return _steady(curve, -shift, bar, seconds)
    phase = aligned_phase(mono, rate, envelope, curve, tick)
    # Bars of a number of eighths have no whole number of quarters.
    pulse = 1.0 if abs(bar - round(bar)) < _CLOSE else 4 / denominator
    first, last = curve.beats(np.array([0.0, seconds]))
    counts = np.arange(np.ceil((first - phase) / pulse), np.floor((last - phase) / pulse) + 1)
    times = curve.seconds(counts * pulse + phase)
    if spec.bpm is None:
        times = followed(*onsets_of(mono, rate, envelope, tick), times)
    if len(times) < 2:
        return _steady(curve, phase, bar, seconds)
    place = bar_phase(mono, rate, pitches, times, round(bar / pulse), tick)
    quarters = (np.arange(len(times), dtype=np.float64) - place) * pulse
    return _from_bar(quarters, times, bar)


def _steady(curve: TempoCurve, phase: float, bar: float, seconds: float) -> Grid:
    """The grid of a curve that has a bar line at `phase` quarters."""
    first, last = curve.beats(np.array([0.0, seconds])) - phase
    # Points at whole quarters and at the changes of tempo: straight lines between them are exact.
    points = np.unique(
        np.concatenate([np.arange(np.floor(first) - 1, np.ceil(last) + 2), curve.beats(curve.times) - phase])
    )
    return _from_bar(points, curve.seconds(points + phase), bar)


def _from_bar(quarters: DoubleArray, times: DoubleArray, bar: float) -> Grid:
    at_start = float(_through(times, quarters, np.zeros(1))[0])
    return Grid(quarters - np.floor(at_start / bar + _CLOSE) * bar, times, bar)


def _through(points: DoubleArray, values: DoubleArray, at: DoubleArray) -> DoubleArray:
    """Straight lines through points, going on beyond both ends as over the last few of them."""
    found = np.interp(at, points, values)
    near = min(8, len(points) - 1)
    before, after = at < points[0], at > points[-1]
    rise = (values[near] - values[0]) / (points[near] - points[0])
    found[before] = values[0] + (at[before] - points[0]) * rise
    rise = (values[-1] - values[-1 - near]) / (points[-1] - points[-1 - near])
    found[after] = values[-1] + (at[after] - points[-1]) * rise
    return np.asarray(found, np.float64)
