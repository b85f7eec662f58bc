"""Stems: drums, bass and the rest, by what is steady in time and what in pitch, and by a small trained net.

All that decides happens in bands; the masks found there are applied to the source's own spectrum.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from engine.analysis.spectrum import FloatArray
from engine.backends.base import Report, Stage
from engine.backends.draft.separator.bands import BANDS, COUNTS, HERTZ, grouped, spread, window_frames
from engine.backends.draft.separator.masks import Separator, learned_masks
from engine.spec import OTHER
from engine.units import SampleRate

DRUMS, BASS = "drums", "bass"
_NET_SHARE = 0.45
"""How much the net counts beside the medians: near a half, either makes up for what the other gets wrong. See the model card."""
_LOW_NET_SHARE = 0.75
"""The same where kicks and basses are: the net tells them apart better."""
_LOW_HERTZ = (200.0, 300.0)
_BLOCK_WINDOWS = 160
_OVERLAP_WINDOWS = 16
_STEADY_WINDOWS = 31
_STEADY_BANDS = 17
_KICK_WINDOWS = 17
_KICK_HERTZ = (120.0, 180.0)
_BASS_HERTZ = (150.0, 170.0)
_TINY = 1e-12
_THREADS = 2

ComplexArray = npt.NDArray[np.complex64]


def separate(
    samples: FloatArray, rate: SampleRate, report: Report, net: Separator | None = None
) -> dict[str, FloatArray]:
    """Split [channels, frames] into `drums`, `bass` and `other`, each of the same shape, which add up to the source.

    The same masks hold for all channels: a mean of those of `net` and of median filters, or the latter alone.
    `other` is what the masked stems leave, to the last bit of float32. Works in blocks at the source's own rate.
    """
    size = window_frames(rate)
    count = samples.shape[1] // (size // 4) + 4

    def stage(low: float, high: float) -> Callable[[float], None]:
        return lambda share: report(low + (high - low) * min(1.0, share), Stage.RENDERING)

    power = _heard(samples, size, count, stage(0.0, 0.2))
    masks = median_masks(np.sqrt(power.sum(axis=0) / COUNTS), stage(0.2, 0.4))
    if net is not None:
        share = _NET_SHARE + (_LOW_NET_SHARE - _NET_SHARE) * _slope(HERTZ, _LOW_HERTZ)
        masks += share * (learned_masks(power, net, stage(0.4, 0.7)) - masks)
    drums, bass = _applied(samples, masks, size, stage(0.4 if net is None else 0.7, 1.0))
    return {DRUMS: drums, BASS: bass, OTHER: samples - drums - bass}


def median_masks(level: FloatArray, tick: Callable[[float], None]) -> FloatArray:
    """Soft masks of drums and bass [2, windows, 256] for levels in bands [windows, 256]; what they leave is the rest.

    What a median over time keeps is harmonic, what a median over pitch keeps is percussive. Below a kick's pitch both
    are steady in pitch: there what rises above a shorter median over time is the kick. What is harmonic and low is bass.
    Source: Fitzgerald, Harmonic/percussive separation using median filtering (DAFx 2010).
    """
    count = len(level)
    masks = np.empty((2, count, BANDS), np.float32)
    low_bands = np.flatnonzero(_KICK_HERTZ[1] > HERTZ)
    is_low, is_bass = _slope(HERTZ[low_bands], _KICK_HERTZ), _slope(HERTZ, _BASS_HERTZ)
    for first in range(0, count, _BLOCK_WINDOWS):
        end = min(count, first + _BLOCK_WINDOWS)
        begin = max(0, first - _OVERLAP_WINDOWS)
        heard = level[begin : end + _OVERLAP_WINDOWS]
        steady = _median(heard.T, _STEADY_WINDOWS).T
        harmonic = _share(steady, _median(heard, _STEADY_BANDS))
        lows = heard[:, low_bands]
        held = _median(lows.T, _KICK_WINDOWS).T
        harmonic[:, low_bands] += is_low * (_share(held, np.maximum(lows - held, 0)) - harmonic[:, low_bands])
        inner = harmonic[first - begin : end - begin]
        masks[:, first:end] = 1 - inner, inner * is_bass
        tick(end / count)
    return masks


def _slope(hertz: npt.NDArray[np.float64], edges: tuple[float, float]) -> FloatArray:
    """One below the first edge, zero above the second."""
    return np.clip((edges[1] - hertz) / (edges[1] - edges[0]), 0, 1).astype(np.float32)


def _share(one: FloatArray, other: FloatArray) -> FloatArray:
    """Wiener mask: the share of the power that is the first's."""
    return np.asarray(one**2 / (one**2 + other**2 + _TINY), np.float32)


def _median(rows: FloatArray, length: int) -> FloatArray:
    """Median filter along each row; row by row scipy takes its fast path for one dimension."""
    rows = np.ascontiguousarray(rows)
    return np.stack([ndimage.median_filter(row, length, mode="nearest") for row in rows])


def _heard(samples: FloatArray, size: int, count: int, tick: Callable[[float], None]) -> FloatArray:
    """Power in bands [2, windows, 256]: of the channels' mean, and of how far they are from it."""
    power = np.empty((2, count, BANDS), np.float32)
    for first in range(0, count, _BLOCK_WINDOWS):
        end = min(count, first + _BLOCK_WINDOWS)
        spectra = []
        for index, channel in enumerate(samples):
            spectra.append(_spectra(channel, size, first, end))
            tick((first + (end - first) * (index + 1) / len(samples)) / count)
        middle = np.mean(spectra, axis=0)
        # Differences first, then squares: the other way round, rounding would stand in for sides that are silent.
        sides = np.mean([np.square(np.abs(each - middle)) for each in spectra], axis=0)
        power[:, first:end] = grouped(np.square(np.abs(middle))), grouped(sides)
    return power


def _applied(
    samples: FloatArray, masks: FloatArray, size: int, tick: Callable[[float], None]
) -> tuple[FloatArray, FloatArray]:
    """The source [channels, frames] under each of two masks in bands [2, windows, 256]."""
    count = masks.shape[1]
    stems = np.zeros_like(samples, dtype=np.float32), np.zeros_like(samples, dtype=np.float32)
    for first in range(0, count, _BLOCK_WINDOWS):
        end = min(count, first + _BLOCK_WINDOWS)
        gains = [spread(mask[first:end], size // 2 + 1) for mask in masks]
        for index, channel in enumerate(samples):
            spectra = _spectra(channel, size, first, end)
            for stem, gain in zip(stems, gains, strict=True):
                _overlap_add(stem[index], spectra * gain, size, first)
            tick((first + (end - first) * (index + 1) / len(samples)) / count)
    return stems


def _window(size: int) -> FloatArray:
    return np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)


def _spectra(channel: FloatArray, size: int, first: int, end: int) -> ComplexArray:
    """Spectra of windows `first` to `end`; window i begins at frame (i - 3) * size / 4."""
    hop = size // 4
    begin, stop = (first - 3) * hop, (end - 4) * hop + size
    inside = channel[max(0, begin) : max(0, stop)]
    padded = np.pad(inside, (max(0, -begin), stop - max(0, begin) - len(inside)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.asarray(fft.rfft(cut * _window(size), axis=1, workers=_THREADS), np.complex64)


def _overlap_add(stem: FloatArray, spectra: ComplexArray, size: int, first: int) -> None:
    """Add windows to a stem [frames], in place, so that unchanged spectra give the source back."""
    hop = size // 4
    # The squares of the window at a quarter's hop add up to two.
    pieces = fft.irfft(spectra, size, axis=1, workers=_THREADS) * (_window(size) / 2)
    added = np.zeros((len(pieces) + 3, hop), np.float32)
    for quarter in range(4):
        added[quarter : quarter + len(pieces)] += pieces[:, quarter * hop : (quarter + 1) * hop]
    begin = (first - 3) * hop
    low, high = max(0, begin), min(len(stem), begin + added.size)
    if low < high:
        stem[low:high] += added.ravel()[low - begin : high - begin]
