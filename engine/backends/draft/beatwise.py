"""The beats of a window and what they sound like, in a grain fine enough to tell one phrase from another."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, mel_bank, power_of_two
from engine.analysis.tonality import chroma_bank

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IndexArray: TypeAlias = npt.NDArray[np.intp]

PARTS = 8
"""Thirty-second notes a beat: the grain of comparison."""
_BANDS = 48
_RANGE_DB = 60.0
_COMPRESSION = 20.0


@dataclass(frozen=True, slots=True)
class Beats:
    """The beats of a window and what they sound like."""

    times: DoubleArray
    """[beats + 1] seconds from the window's first frame; beat i lasts from times[i] to times[i + 1]."""
    levels: FloatArray
    """[beats, PARTS, bands] dB."""
    pitches: FloatArray
    """[beats, PARTS, 12] pitch classes, of unit length or zero."""
    onsets: FloatArray
    """[beats, PARTS] how much sets in."""
    known: BoolArray
    """[beats, PARTS]: parts that lie in the source and outside of every hole."""
    playable: BoolArray
    """[beats]: beats that can be copied."""
    bar: float
    """Beats a bar."""


def describe(
    mono: FloatArray, rate: float, times: DoubleArray, tick: Tick
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Levels, pitch classes and onsets, as in `Beats`, of the beats between `times` (seconds)."""
    count = len(times) - 1
    edges = np.interp(np.arange(count * PARTS + 1) / PARTS, np.arange(count + 1), times)
    size = power_of_two(0.046, rate)
    mel = _filtered(mono, size, mel_bank(_BANDS, size, rate), 0.0, tick)
    floor = max(1e-6, float(mel.max(initial=0.0))) * 10 ** (-_RANGE_DB / 20)
    levels = _means(20 * np.log10(mel + floor), rate / (size // 4), edges)
    rises = np.zeros((len(mel), 1))
    # The difference over two windows belongs to the window between them.
    rises[1:-1, 0] = np.maximum(0, mel[2:] - mel[:-2]).mean(axis=1)
    onsets = np.sqrt(_means(rises, rate / (size // 4), edges))
    size = power_of_two(0.19, rate)
    loud = float(np.sqrt(np.mean(np.square(mono), dtype=np.float64)))
    pitch = _filtered(mono, size, chroma_bank(size, rate), _COMPRESSION / max(loud, 1e-6), tick)
    pitch = _means(pitch, rate / (size // 4), edges)
    pitch /= np.maximum(np.linalg.norm(pitch, axis=1, keepdims=True), 1e-6)
    return (
        levels.astype(np.float32).reshape(count, PARTS, -1),
        pitch.astype(np.float32).reshape(count, PARTS, -1),
        onsets.astype(np.float32).reshape(count, PARTS),
    )


def _filtered(mono: FloatArray, size: int, bank: FloatArray, scale: float, tick: Tick) -> DoubleArray:
    """A filter bank's output, four windows a `size`: [windows, bands]; with a scale, of log(1 + scale * magnitude)."""
    parts = []
    for block in magnitudes(mono, size, size // 4):
        parts.append((np.log1p(scale * block) if scale else block) @ bank)
        tick()
    return np.concatenate(parts).astype(np.float64)


def _means(values: DoubleArray, windows_a_second: float, edges: DoubleArray) -> DoubleArray:
    """Mean of [windows, dimensions] over each stretch between `edges` (seconds): [edges - 1, dimensions]."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    # Window i is centred on its time and stands for half a hop on each side.
    places = np.clip(edges * windows_a_second + 0.5, 0, len(sums) - 1)
    low = np.minimum(places.astype(np.intp), len(sums) - 2)
    at = sums[low] + (places - low)[:, None] * (sums[low + 1] - sums[low])
    return np.asarray(np.diff(at, axis=0) / np.maximum(np.diff(places), 1e-3)[:, None], np.float64)
