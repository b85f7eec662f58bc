"""Filling a hole by waveform alone, where it is shorter than a beat or too little is known to find beats."""

from collections.abc import Sequence

import numpy as np
from scipy import signal

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, decimation
from engine.backends.base import Span
from engine.backends.draft.splice import MARGIN_SECONDS, Run, likeness, read, write
from engine.units import SampleRate

_SEARCHED_SECONDS = 30.0
_COMPARED_SECONDS = (0.02, 0.4)
_CANDIDATES = 24
_APART_SECONDS = 0.005
_VARIATION = 0.08
_LONGEST_GRAIN_SECONDS = 4.0
_JOIN_SECONDS = 0.03


def patch(
    result: FloatArray,
    context: FloatArray,
    free: Sequence[Span],
    span: Span,
    rate: SampleRate,
    variation: float,
    rng: np.random.Generator,
    tick: Tick,
) -> bool:
    """Fill a span with the one stretch of source whose surroundings are most like the span's; False where none is long enough.

    Writes into `result` [channels, frames]. Source: waveform substitution, Goodman et al. (IEEE ASSP 1986), with
    context on both sides.
    """
    margin = min(round(MARGIN_SECONDS * rate), *(_room(free, span)))
    needed = span.frames + 2 * margin
    compared = round(np.clip(2 * span.frames / rate, *_COMPARED_SECONDS) * rate)
    places = [place for each in free for place in _places(each, span, needed, margin, round(_SEARCHED_SECONDS * rate))]
    if not places:
        return False
    wanted = _template(context, free, span, compared)
    if not wanted[1].any():
        return False
    found: list[tuple[float, int]] = []
    for low, high in places:
        found += _fits(context, wanted, span, compared, low, high, rate)
        tick()
    scores = np.array([score for score, _ in found]) - _VARIATION * variation * rng.gumbel(size=len(found))
    start = found[int(np.argmin(scores))][1]
    run = Run(span.first - margin, span.end + margin, start - span.first)
    write(result, context, [run], 0, tick)
    return True


def _room(free: Sequence[Span], span: Span) -> tuple[int, int]:
    """How much source touches a span on its left and right."""
    left = next((each.frames for each in free if each.end == span.first), 0)
    right = next((each.frames for each in free if each.first == span.end), 0)
    return (left or right) // 4, (right or left) // 4


def _places(free: Span, span: Span, needed: int, margin: int, searched: int) -> list[tuple[int, int]]:
    """The first and last frame, if any, that a copy for the span may start at within a free stretch."""
    low, high = free.first + margin, free.end - needed + margin
    low, high = max(low, span.first - searched), min(high, span.end + searched)
    return [(low, high)] if low <= high else []


def _template(context: FloatArray, free: Sequence[Span], span: Span, compared: int) -> tuple[DoubleArray, DoubleArray]:
    """The mono surroundings of a span, and ones where they are known."""
    first, end = span.first - compared, span.end + compared
    mask = np.zeros(end - first)
    for each in free:
        mask[max(0, each.first - first) : max(0, each.end - first)] = 1.0
    return read(context, first, end).mean(axis=0, dtype=np.float64) * mask, mask


def _fits(
    context: FloatArray,
    wanted: tuple[DoubleArray, DoubleArray],
    span: Span,
    compared: int,
    low: int,
    high: int,
    rate: SampleRate,
) -> list[tuple[float, int]]:
    """The best places between two frames, as squared error relative to the surroundings' own energy, and frame."""
    template, mask = wanted
    factor = decimation(rate) if high - low > 8 * decimation(rate) else 1
    heard = read(context, low - compared, high + span.frames + compared + 1).mean(axis=0, dtype=np.float64)
    errors = _errors(_coarse(heard, factor), _coarse(template, factor), _coarse(mask, factor))
    errors = errors[: (high - low) // factor + 1]
    apart = max(1, round(_APART_SECONDS * rate / factor))
    order: list[int] = []
    left = errors.copy()
    while len(order) < _CANDIDATES and np.isfinite(left).any():
        best = int(np.argmin(left))
        order.append(best)
        left[max(0, best - apart) : best + apart + 1] = np.inf
    exact = []
    for place in order:
        first, end = max(0, place * factor - factor), min(high - low, place * factor + factor)
        fine = _errors(heard[first : end + len(template)], template, mask)
        best = int(np.argmin(fine[: end - first + 1]))
        exact.append((float(fine[best]), low + first + best))
    return exact


def _coarse(values: DoubleArray, factor: int) -> DoubleArray:
    """Means of `factor` frames: enough of a low-pass to compare by."""
    return np.asarray(values[: len(values) // factor * factor].reshape(-1, factor).mean(axis=1), np.float64)


def _errors(heard: DoubleArray, template: DoubleArray, mask: DoubleArray) -> DoubleArray:
    """Squared error of a template at every place where its mask is one, relative to its energy."""
    energy = float(np.square(template).sum())
    errors = signal.correlate(np.square(heard), mask, mode="valid") - 2 * signal.correlate(
        heard, template, mode="valid"
    )
    return np.asarray((errors + energy) / (energy + 1e-12), np.float64)


def grains(
    result: FloatArray,
    context: FloatArray,
    free: Sequence[Span],
    span: Span,
    rate: SampleRate,
    rng: np.random.Generator,
    tick: Tick,
) -> None:
    """Fill a span with pieces of the longest free stretch, each of which goes on where the one before it stopped.

    Writes into `result` [channels, frames]; leaves it alone where less than two frames are free.
    """
    source = max(free, key=lambda each: each.frames)
    if source.frames < 2:
        return
    join = min(round(_JOIN_SECONDS * rate), source.frames // 8)
    length = max(1, min(round(_LONGEST_GRAIN_SECONDS * rate), round(0.6 * source.frames)))
    low, high = source.first + join, max(source.first + join, source.end - length - join)
    heard = read(context, low - 2 * join, high).mean(axis=0, dtype=np.float64)
    runs: list[Run] = []
    for first in range(span.first, span.end, length):
        noise = 0.1 * rng.standard_normal(high - low + 1)
        if join:
            before = first + (runs[-1].offset if runs else 0)
            wanted = read(context, before - 2 * join, before).mean(axis=0, dtype=np.float64)
            noise += likeness(wanted, heard)
        runs.append(Run(first, min(first + length, span.end), low + int(np.argmax(noise)) - first))
        tick()
    write(result, context, runs, join, tick)
