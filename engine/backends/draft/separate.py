"""Stems: drums, bass and the rest, by what is steady in time and what in pitch, and by a small trained net.

All that decides happens in bands; the masks found there are applied to the source's own spectrum.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from engine.analysis.spectrum import FloatArray
from engine.backends.base import Report, Stage
from engine.backends.draft import windows
from engine.backends.draft.separator.bands import BANDS, BINS, COUNTS, HERTZ, grouped, spread, window_frames
from engine.backends.draft.separator.masks import Separator, learned_masks
from engine.spec import OTHER
from engine.units import SampleRate

DRUMS, BASS = "drums", "bass"
_NET_SHARE = 0.45
"""How much the nets count beside the medians: near a half, either makes up for what the other gets wrong. See the model card."""
_LOW_NET_SHARE = 0.78
"""The same where kicks and basses are: the nets tell them apart better."""
_LOW_HERTZ = (200.0, 300.0)
_BLOCK_WINDOWS = 160
_OVERLAP_WINDOWS = 16
_STEADY_WINDOWS = 31
_STEADY_BANDS = 17
_KICK_WINDOWS = 17
_KICK_HERTZ = (120.0, 180.0)
_BASS_HERTZ = (150.0, 170.0)
_TINY = 1e-12


def separate(
    samples: FloatArray, rate: SampleRate, report: Report, net: Separator | None = None
) -> dict[str, FloatArray]:
    """Split [channels, frames] into `drums`, `bass` and `other`, each of the same shape, which add up to the source.

    The same masks hold for all channels: a mean of those of the nets and of median filters, or the latter alone.
    `other` is what the masked stems leave, to the last bit of float32. Works in blocks at the source's own rate.
    """
    size = window_frames(rate)
    count = windows.count(samples.shape[1], size)

    def stage(low: float, high: float) -> Callable[[float], None]:
        return lambda share: report(low + (high - low) * min(1.0, share), Stage.RENDERING)

    power = _heard(samples, size, count, stage(0.0, 0.2))
    masks = median_masks(np.sqrt(power.sum(axis=0) / COUNTS), stage(0.2, 0.4))
    if net is not None:
        share = _NET_SHARE + (_LOW_NET_SHARE - _NET_SHARE) * _slope(HERTZ, _LOW_HERTZ)
        masks += share * (learned_masks(power, masks, net, stage(0.4, 0.7)) - masks)
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
    """Median filter along each row, as beyond its ends lie its last values.

    All rows are filtered as one: scipy is fast at one dimension, and starting it takes longer than a row.
    """
    reach = length // 2
    long = np.pad(rows, ((0, 0), (reach, reach)), mode="edge")
    return np.asarray(ndimage.median_filter(long.ravel(), length).reshape(long.shape)[:, reach:-reach], np.float32)


def _heard(samples: FloatArray, size: int, count: int, tick: Callable[[float], None]) -> FloatArray:
    """Power in bands [2, windows, 256]: of the channels' mean, and of how far they are from it."""
    power = np.empty((2, count, BANDS), np.float32)
    window = _window(size)
    for first in range(0, count, _BLOCK_WINDOWS):
        end = min(count, first + _BLOCK_WINDOWS)
        spectra = []
        for index, channel in enumerate(samples):
            spectra.append(windows.spectra(channel, window, first, end)[:, :BINS])
            tick((first + (end - first) * (index + 1) / len(samples)) / count)
        middle = np.mean(spectra, axis=0)
        # Differences first, then squares: the other way round, rounding would stand in for sides that are silent.
        sides = np.mean([_squared(each - middle) for each in spectra], axis=0)
        power[:, first:end] = grouped(_squared(middle)), grouped(sides)
    return power


def _squared(spectra: windows.ComplexArray) -> FloatArray:
    """Their power, without the root that a magnitude would take."""
    return np.asarray(np.square(spectra.real) + np.square(spectra.imag), np.float32)


def _applied(
    samples: FloatArray, masks: FloatArray, size: int, tick: Callable[[float], None]
) -> tuple[FloatArray, FloatArray]:
    """The source [channels, frames] under each of two masks in bands [2, windows, 256]."""
    count = masks.shape[1]
    window = _window(size)
    stems = np.zeros_like(samples, dtype=np.float32), np.zeros_like(samples, dtype=np.float32)
    for first in range(0, count, _BLOCK_WINDOWS):
        end = min(count, first + _BLOCK_WINDOWS)
        gains = [spread(mask[first:end], size // 2 + 1) for mask in masks]
        for index, channel in enumerate(samples):
            spectra = windows.spectra(channel, window, first, end)
            for stem, gain in zip(stems, gains, strict=True):
                windows.overlap_add(stem[index], spectra * gain, window, first)
            tick((first + (end - first) * (index + 1) / len(samples)) / count)
    return stems


def _window(size: int) -> FloatArray:
    return np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)
