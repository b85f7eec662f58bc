"""The mono copy that analysis works on, and its short-time spectra in blocks."""

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soxr
from scipy import fft

from engine.units import SampleRate

FloatArray: TypeAlias = npt.NDArray[np.float32]
DoubleArray: TypeAlias = npt.NDArray[np.float64]
Tick: TypeAlias = Callable[[], object]
"""Called between blocks of work, so that a caller can report progress or stop by raising."""

LOWEST_RATE = 22_000
"""Analysis needs nothing above 11 kHz: rates are divided by whole numbers down to here."""
_BLOCK_WINDOWS = 1024
_BLOCK_SECONDS = 5


def quiet() -> None:
    """Do nothing between blocks."""


def decimation(rate: SampleRate) -> int:
    """Whole number that a rate is divided by for analysis, so that positions map back exactly."""
    return max(1, rate // LOWEST_RATE)


def mono_copy(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> tuple[FloatArray, float]:
    """Mean of the channels at the rate divided by `decimation(rate)`.

    Takes [channels, frames]; gives [ceil(frames / decimation)] and its rate. Frame k of it lies at frame k * decimation.
    """
    factor = decimation(rate)
    frames = samples.shape[1]
    mono = np.zeros(-(-frames // factor), np.float32)
    stream = soxr.ResampleStream(factor, 1, 1, dtype="float32", quality="MQ") if factor > 1 else None
    filled = 0
    for at in range(0, frames, _BLOCK_SECONDS * rate):
        part = samples[:, at : at + _BLOCK_SECONDS * rate].mean(axis=0, dtype=np.float32)
        if stream:
            part = stream.resample_chunk(part, last=at + len(part) >= frames)
        part = part[: len(mono) - filled]
        mono[filled : filled + len(part)] = part
        filled += len(part)
        tick()
    return mono, rate / factor


def magnitudes(mono: FloatArray, size: int, hop: int) -> Iterator[FloatArray]:
    """Magnitude spectra of Hann windows centred on every `hop`-th frame, in blocks of [windows, size / 2 + 1].

    A full-scale sine gives 0.5 in its bin.
    """
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    window /= window.sum()
    count = -(-len(mono) // hop)
    for at in range(0, count, _BLOCK_WINDOWS):
        end = min(count, at + _BLOCK_WINDOWS)
        low, high = at * hop - size // 2, (end - 1) * hop - size // 2 + size
        inside = mono[max(0, low) : max(0, high)]
        padded = np.pad(inside, (max(0, -low), high - max(0, low) - len(inside)))
        yield np.abs(fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window, axis=1))


def power_of_two(seconds: float, rate: float) -> int:
    """The power of two nearest to a length, in frames, at least 16."""
    return max(16, 1 << round(math.log2(max(1.0, seconds * rate))))


def mel_bank(bands: int, size: int, rate: float, lowest: float = 40.0, highest: float = 10_000.0) -> FloatArray:
    """Triangular bands of equal width in mel, each of unit sum: [size / 2 + 1, bands].

    Source: O'Shaughnessy, Speech Communication (1987), mel(f) = 2595 log10(1 + f / 700).
    """
    bins = np.fft.rfftfreq(size, 1 / rate)
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (lowest, min(highest, 0.47 * rate)))
    edges = 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)
    # A band narrower than a bin would be empty.
    width = rate / size
    rising = (bins[:, None] - edges[:-2]) / np.maximum(edges[1:-1] - edges[:-2], width)
    falling = (edges[2:] - bins[:, None]) / np.maximum(edges[2:] - edges[1:-1], width)
    bank = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(bank / np.maximum(bank.sum(axis=0), 1e-9), np.float32)
