"""Copying stretches of audio so that their joins are not heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import signal

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick
from engine.units import SampleRate

FADE_SECONDS = 0.03
"""Half the length of the cross-fade at a join."""
MARGIN_SECONDS = 0.05
"""What is rendered beyond a hole on each side, for whoever cross-fades there."""
_COMPARED_SECONDS = 0.1
_BLOCK_FRAMES = 1 << 19


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch that is copied as it is."""

    first: int
    """First frame that it fills."""
    end: int
    """The frame after the last."""
    offset: int
    """How much later in the window (negative: earlier) the frames lie that are copied."""


def read(context: FloatArray, first: int, end: int) -> FloatArray:
    """Frames of [channels, frames], zeros where the window has none."""
    inside = context[:, max(0, first) : max(0, end)]
    left = min(end - first, max(0, -first))
    return np.pad(inside, ((0, 0), (left, end - first - left - inside.shape[1])))


def _mono(context: FloatArray, first: int, end: int) -> DoubleArray:
    return np.asarray(read(context, first, end).mean(axis=0), np.float64)


def likeness(wanted: DoubleArray, candidates: DoubleArray) -> DoubleArray:
    """Normalised correlation of a piece with every place of a longer one: [candidates - wanted + 1], -1 to 1."""
    products = signal.correlate(candidates, wanted, mode="valid")
    energy = np.concatenate([[0.0], np.cumsum(np.square(candidates))])
    energies = np.maximum(energy[len(wanted) :] - energy[: -len(wanted)], 0)
    scale = np.sqrt(energies * np.square(wanted).sum())
    return np.asarray(products / np.maximum(scale, 1e-9), np.float64)


def aligned(
    context: FloatArray, run: Run, before: Run | None, rate: SampleRate, reach_seconds: float, at_end: bool
) -> Run:
    """Move where a run copies from by up to `reach_seconds` so that its waveform fits what it joins.

    At its start that is what `before` would go on to play (None: the window itself), at its end, where `at_end`, the
    window itself.
    """
    reach, length = round(reach_seconds * rate), max(8, round(_COMPARED_SECONDS * rate))
    score = np.zeros(2 * reach + 1)
    places = [(run.first - length, run.first, 0)]
    if before is not None:
        places = [(run.first - length // 2, run.first + length // 2, before.offset)]
    if at_end:
        places.append((run.end, run.end + length, 0))
    for first, end, offset in places:
        wanted = _mono(context, first + offset, end + offset)
        candidates = _mono(context, first + run.offset - reach, end + run.offset + reach)
        score += likeness(wanted, candidates)
    # Of equals the nearest to the beat.
    score -= 0.02 * np.abs(np.arange(-reach, reach + 1)) / max(1, reach)
    return Run(run.first, run.end, run.offset + int(np.argmax(score)) - reach)


def write(result: FloatArray, context: FloatArray, runs: Sequence[Run], fade: int, tick: Tick) -> None:
    """Copy runs that follow each other from `context` into `result`, cross-faded `fade` frames around each join."""
    for index, run in enumerate(runs):
        # A run may reach beyond the window, by the margin around its hole.
        last = min(run.end, result.shape[1])
        for first in range(max(0, run.first), last, _BLOCK_FRAMES):
            end = min(first + _BLOCK_FRAMES, last)
            result[:, first:end] = read(context, first + run.offset, end + run.offset)
            tick()
        if index:
            half = min(fade, (run.end - run.first) // 2, (runs[index - 1].end - runs[index - 1].first) // 2)
            low, high = max(0, run.first - half), min(result.shape[1], run.first + half)
            old = read(context, low + runs[index - 1].offset, high + runs[index - 1].offset)
            new = read(context, low + run.offset, high + run.offset)
            result[:, low:high] = crossfaded(old, new)


def crossfaded(old: FloatArray, new: FloatArray) -> FloatArray:
    """Cross-fade of two [channels, frames] that keeps the power, whatever their correlation is.

    Source: Fink, Holters, Zoelzer, Signal-matched power-complementary cross-fading (DAFx 2016).
    """
    angle = (np.arange(old.shape[1]) + 0.5) / max(1, old.shape[1]) * (np.pi / 2)
    fall, rise = np.cos(angle), np.sin(angle)
    scale = float(np.sqrt(np.square(old, dtype=np.float64).sum() * np.square(new, dtype=np.float64).sum()))
    alike = float(np.clip((old.astype(np.float64) * new).sum() / max(scale, 1e-12), 0, 1))
    power = np.sqrt(fall**2 + rise**2 + 2 * alike * fall * rise)
    return np.asarray(old * (fall / power) + new * (rise / power), np.float32)
