"""How much a rendering is like what really stood there, and how much of it was copied.

The definitions were chosen so that a copy of the bars before a hole scores about what it scored in the trial that set the
goals (eight songs, holes at 35 % and 60 %, 4 s in 75 s: chroma .958, log-mel 4.9 dB, onsets .55).
"""

from dataclasses import dataclass

import numpy as np

from engine.analysis.spectrum import DoubleArray, magnitudes, mel_bank, mono_copy, power_of_two
from engine.analysis.tonality import chroma_bank
from engine.audio import FloatArray
from engine.backends.draft.splice import likeness
from engine.units import SampleRate

_BANDS = 48
_FLOOR = 1e-4
_EDGE_SECONDS = 0.04
_COPIED_RATE = 4000
_COPIED = 0.9
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much one piece is like another of the same length."""

    chroma: float
    """Mean over time of the cosine of their pitch classes: 186 ms windows, log(1 + 100 * magnitude) summed by class."""
    mel_db: float
    """Mean absolute difference of their levels in 48 mel bands, 46 ms windows every 12 ms, floor -80 dB of full scale."""
    onsets: float
    """Correlation of their onset envelopes: rises of mel band magnitudes, 93 ms windows every 23 ms."""


def alike(truth: FloatArray, made: FloatArray, rate: SampleRate) -> Likeness:
    """Compare two [channels, frames] as mono at about 22 kHz."""
    (true, low), (other, _) = mono_copy(truth, rate), mono_copy(made, rate)
    return Likeness(_chroma(true, other, low), _mel(true, other, low), _onsets(true, other, low))


def _through(mono: FloatArray, size: int, bank: FloatArray, *, scale: float = 0.0) -> DoubleArray:
    """A filter bank's output: [windows, bands]; with a scale, of log(1 + scale * magnitude)."""
    blocks = [(np.log1p(scale * block) if scale else block) @ bank for block in magnitudes(mono, size, size // 4)]
    return np.concatenate(blocks).astype(np.float64)


def _chroma(one: FloatArray, other: FloatArray, rate: float) -> float:
    size = power_of_two(0.19, rate)
    first, second = (_through(mono, size, chroma_bank(size, rate), scale=100.0) for mono in (one, other))
    scale = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(np.mean((first * second).sum(axis=1) / np.maximum(scale, _TINY)))


def _mel(one: FloatArray, other: FloatArray, rate: float) -> float:
    size = power_of_two(0.046, rate)
    first, second = (
        20 * np.log10(_through(mono, size, mel_bank(_BANDS, size, rate)) + _FLOOR) for mono in (one, other)
    )
    return float(np.abs(first - second).mean())


def _onsets(one: FloatArray, other: FloatArray, rate: float) -> float:
    size = power_of_two(0.093, rate)
    bank = mel_bank(_BANDS, size, rate)
    first, second = (np.maximum(0, np.diff(_through(mono, size, bank), axis=0)).mean(axis=1) for mono in (one, other))
    first, second = first - first.mean(), second - second.mean()
    return float(first @ second / max(_TINY, float(np.linalg.norm(first) * np.linalg.norm(second))))


def click_ratio(whole: FloatArray, edges: tuple[int, ...], rate: SampleRate) -> float:
    """The sharpest corner within 40 ms of the edges (frames of [channels, frames]), over what the piece has elsewhere.

    A corner is a second difference of the mono sum; elsewhere is its 99.99th percentile.
    """
    corners = np.abs(np.diff(whole.mean(axis=0, dtype=np.float64), 2))
    reach = round(_EDGE_SECONDS * rate)
    near = max(float(corners[max(0, edge - reach) : edge + reach].max(initial=0.0)) for edge in edges)
    return near / max(_TINY, float(np.percentile(corners, 99.99)))


def repeated(made: FloatArray, last: FloatArray, rate: SampleRate, beat: float) -> float:
    """The longest stretch of `made` that is one contiguous copy out of `last`, as a share of `made`: 0 to 1.

    Both are [channels, frames]. Beat by beat (frames), a copy has a waveform correlation of .9 or more.
    """
    factor = max(1, rate // _COPIED_RATE)
    one, other = (_coarse(samples, factor) for samples in (made, last))
    step = max(8, round(beat / factor))
    count = len(one) // step
    slack = round(0.005 * rate / factor)
    reached = np.zeros(max(0, len(other) - step + 1), np.int32)
    longest = 0
    for index in range(count):
        wanted = one[index * step : (index + 1) * step]
        # A whole number of frames a beat drifts a little.
        before = np.concatenate([np.zeros(step, np.int32), reached])[: len(reached)]
        before = np.max([np.roll(before, shift) for shift in range(-slack, slack + 1)], axis=0, initial=0)
        reached = np.where(likeness(wanted, other) > _COPIED, before + 1, 0) if wanted.any() else reached * 0
        longest = max(longest, int(reached.max(initial=0)))
    return longest / max(1, count)


def _coarse(samples: FloatArray, factor: int) -> DoubleArray:
    mono = samples.mean(axis=0, dtype=np.float64)
    return np.asarray(mono[: len(mono) // factor * factor].reshape(-1, factor).mean(axis=1), np.float64)
