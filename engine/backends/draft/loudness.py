"""Loudness and true peak in blocks, so that a gain curve can be found without rendering it. ITU-R BS.1770-4."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from pyloudnorm.iirfilter import IIRfilter
from scipy.signal import firwin, sosfilt, upfirdn

from engine.audio import FloatArray

GATE_SECONDS = 0.1
"""A gating block of 400 ms is four of these: the standard's overlap of 75 %."""
PEAK_SECONDS = 0.001
OVERSAMPLING = 4
_TAPS = 12
"""Taps a phase of the interpolator."""
_CHUNK_SECONDS = 5.0
Report = Callable[[float], None]


def gate_powers(mix: FloatArray, rate: int, report: Report) -> npt.NDArray[np.float64]:
    """Mean square of the K-weighted channels, summed, for each 100 ms."""
    shelf = IIRfilter(4.0, 1 / np.sqrt(2), 1500.0, rate, "high_shelf")
    high_pass = IIRfilter(0.0, 0.5, 38.0, rate, "high_pass")
    sections = np.array([[*shelf.b, *shelf.a], [*high_pass.b, *high_pass.a]])
    state = np.zeros((len(sections), len(mix), 2))
    block = max(1, round(GATE_SECONDS * rate))
    chunk = block * round(_CHUNK_SECONDS / GATE_SECONDS)
    powers = []
    for first in range(0, mix.shape[1], chunk):
        report(first / mix.shape[1])
        weighted, state = sosfilt(sections, mix[:, first : first + chunk].astype(np.float64), axis=1, zi=state)
        squares = np.sum(weighted**2, axis=0)
        powers.append(np.add.reduceat(squares, np.arange(0, len(squares), block)))
    counts = np.full(-(-mix.shape[1] // block), block)
    counts[-1] = mix.shape[1] - block * (len(counts) - 1)
    return np.asarray(np.concatenate(powers) / counts)


def integrated(powers: npt.NDArray[np.float64]) -> float:
    """LUFS of `gate_powers`, absolute and relative gates applied; audio under 400 ms counts as one block."""
    enough = len(powers) >= 4
    powers = np.convolve(powers, np.full(4, 0.25), mode="valid") if enough else np.array([powers.mean()])
    levels = _lufs(powers)
    if not (levels > -70.0).any():
        return -70.0
    gate = _lufs(powers[levels > -70.0].mean()) - 10.0
    return float(_lufs(powers[(levels > -70.0) & (levels > gate)].mean()))


def _lufs(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(power + 1e-20))


def peak_blocks(mix: FloatArray, rate: int, report: Report) -> npt.NDArray[np.float64]:
    """Highest true peak of any channel in each millisecond, by fourfold oversampling."""
    taps = (firwin(_TAPS * OVERSAMPLING - 1, 0.94 / OVERSAMPLING) * OVERSAMPLING).astype(np.float32)
    delay = (len(taps) - 1) // 2
    block = max(1, round(PEAK_SECONDS * rate))
    chunk = block * max(1, round(_CHUNK_SECONDS * rate / 2 / block))
    frames = mix.shape[1]
    peaks = []
    for first in range(0, frames, chunk):
        report(first / frames)
        last = min(first + chunk, frames)
        before, after = min(first, _TAPS), min(frames - last, _TAPS)
        fine = upfirdn(taps, mix[:, first - before : last + after], OVERSAMPLING, axis=1)
        begin = delay + before * OVERSAMPLING
        loudest = np.abs(fine[:, begin : begin + (last - first) * OVERSAMPLING]).max(axis=0)
        peaks.append(np.maximum.reduceat(loudest, np.arange(0, len(loudest), block * OVERSAMPLING)))
    # The interpolator rounds off the very edges, so the samples themselves count too.
    return np.asarray(np.maximum(np.concatenate(peaks), _sample_peaks(mix, block)), dtype=np.float64)


def _sample_peaks(mix: FloatArray, block: int) -> FloatArray:
    loudest = np.maximum(np.abs(mix[0]), np.abs(mix[-1]))
    return np.asarray(np.maximum.reduceat(loudest, np.arange(0, len(loudest), block)), dtype=np.float32)
