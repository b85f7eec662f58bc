"""Overlapping windows of a channel: their spectra, and back. Four windows overlap everywhere."""

import numpy as np
import numpy.typing as npt
from scipy import fft

from engine.analysis.spectrum import FloatArray

_THREADS = 2

ComplexArray = npt.NDArray[np.complex64]


def count(frames: int, size: int) -> int:
    """How many windows of `size` frames cover so many frames four times over."""
    return frames // (size // 4) + 4


def spectra(channel: FloatArray, window: FloatArray, first: int, end: int) -> ComplexArray:
    """Spectra of windows `first` to `end`; window i begins at frame (i - 3) * size / 4."""
    size = len(window)
    hop = size // 4
    begin, stop = (first - 3) * hop, (end - 4) * hop + size
    inside = channel[max(0, begin) : max(0, stop)]
    padded = np.pad(inside, (max(0, -begin), stop - max(0, begin) - len(inside)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.asarray(fft.rfft(cut * window, axis=1, workers=_THREADS), np.complex64)


def overlap_add(stem: FloatArray, changed: ComplexArray, window: FloatArray, first: int) -> None:
    """Add windows to a stem [frames], in place, so that unchanged spectra give the source back.

    The squares of the window, a quarter of its length apart, must add up to the same everywhere.
    """
    size = len(window)
    hop = size // 4
    level = np.float32(np.sum(np.square(window, dtype=np.float64)) / hop)
    pieces = fft.irfft(changed, size, axis=1, workers=_THREADS) * (window / level)
    added = np.zeros((len(pieces) + 3, hop), np.float32)
    for quarter in range(4):
        added[quarter : quarter + len(pieces)] += pieces[:, quarter * hop : (quarter + 1) * hop]
    begin = (first - 3) * hop
    low, high = max(0, begin), min(len(stem), begin + added.size)
    if low < high:
        stem[low:high] += added.ravel()[low - begin : high - begin]
