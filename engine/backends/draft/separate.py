"""Stems without a model: drums, bass and the rest, told apart by what is steady in time and what is steady in pitch."""

from collections.abc import Callable

import numpy as np
from scipy import fft, ndimage

from engine.analysis.spectrum import FloatArray, decimation
from engine.backends.base import Report, Stage
from engine.spec import OTHER
from engine.units import SampleRate

DRUMS, BASS = "drums", "bass"

_SIZE = 2048
"""Frames of a window at the analysis rate: 93 ms."""
_BLOCK_WINDOWS = 192
_OVERLAP_WINDOWS = 16
_STEADY_WINDOWS = 31
_STEADY_BINS = 17
_KICK_WINDOWS = 17
_KICK_HERTZ = (120.0, 180.0)
_BASS_HERTZ = (150.0, 170.0)
_HIGHEST_HERTZ = 11_000.0
_TINY = 1e-12


def separate(samples: FloatArray, rate: SampleRate, report: Report) -> dict[str, FloatArray]:
    """Split [channels, frames] into `drums`, `bass` and `other`, each of the same shape, which add up to the source.

    The same masks hold for all channels; `other` is what the masked stems leave, to the last bit of float32. Works in
    blocks at the source's own rate. Source: Fitzgerald, Harmonic/percussive separation using median filtering (DAFx 2010).
    """
    frames = samples.shape[1]
    size = _SIZE * decimation(rate)
    hop = size // 4
    count = frames // hop + 4
    drums, bass = np.zeros_like(samples, dtype=np.float32), np.zeros_like(samples, dtype=np.float32)
    step = _BLOCK_WINDOWS - 2 * _OVERLAP_WINDOWS
    for first in range(0, count, step):
        end = min(count, first + step)
        low, high = max(0, first - _OVERLAP_WINDOWS), min(count, end + _OVERLAP_WINDOWS)

        def tick(share: float, first: int = first, end: int = end) -> None:
            report((first + share * (end - first)) / count, Stage.RENDERING)

        level = np.sqrt(np.mean([_power(channel, size, low, high) for channel in samples], axis=0))
        tick(0.2)
        masks = [mask[first - low : end - low] for mask in drum_and_bass_masks(level, rate / size, tick)]
        for index, channel in enumerate(samples):
            spectra = _spectra(channel, size, first, end)
            for stem, mask in zip((drums, bass), masks, strict=True):
                _overlap_add(stem[index], spectra * mask, size, first)
            tick(0.6 + 0.4 * (index + 1) / len(samples))
    return {DRUMS: drums, BASS: bass, OTHER: samples - drums - bass}


def drum_and_bass_masks(
    level: FloatArray, bin_hertz: float, tick: Callable[[float], None]
) -> tuple[FloatArray, FloatArray]:
    """Soft masks of drums and bass for a magnitude spectrogram [windows, bins]; what they leave of one is the rest.

    What a median over time keeps is harmonic, what a median over pitch keeps is percussive. Below a kick's pitch both
    are steady in pitch: there what rises above a shorter median over time is the kick. What is harmonic and low is bass.
    """
    bins = min(level.shape[1], round(_HIGHEST_HERTZ / bin_hertz))
    heard = level[:, :bins]
    steady = _median(heard.T, _STEADY_WINDOWS).T
    tick(0.4)
    broad = _median(heard, _STEADY_BINS)
    harmonic = _share(steady, broad)
    tick(0.55)
    hertz = np.arange(bins) * bin_hertz
    low = np.flatnonzero(hertz < _KICK_HERTZ[1])
    held = _median(heard[:, low].T, _KICK_WINDOWS).T
    is_low = _slope(hertz[low], _KICK_HERTZ)
    harmonic[:, low] += is_low * (_share(held, np.maximum(heard[:, low] - held, 0)) - harmonic[:, low])
    bass = harmonic * _slope(hertz, _BASS_HERTZ)
    # Above the range that is analysed, cymbals and air go where the top two octaves' energy goes.
    top = heard[:, bins // 4 :] ** 2
    air = (top * (1 - harmonic[:, bins // 4 :])).sum(axis=1) / (top.sum(axis=1) + _TINY)
    above = np.repeat(air[:, None], level.shape[1] - bins, axis=1)
    return (
        np.concatenate([1 - harmonic, above], axis=1).astype(np.float32),
        np.concatenate([bass, np.zeros_like(above)], axis=1).astype(np.float32),
    )


def _slope(hertz: "np.ndarray[tuple[int], np.dtype[np.float64]]", edges: tuple[float, float]) -> FloatArray:
    """One below the first edge, zero above the second."""
    return np.clip((edges[1] - hertz) / (edges[1] - edges[0]), 0, 1).astype(np.float32)


def _share(one: FloatArray, other: FloatArray) -> FloatArray:
    """Wiener mask: the share of the power that is the first's."""
    return np.asarray(one**2 / (one**2 + other**2 + _TINY), np.float32)


def _median(rows: FloatArray, length: int) -> FloatArray:
    """Median filter along each row; row by row scipy takes its fast path for one dimension."""
    rows = np.ascontiguousarray(rows)
    return np.stack([ndimage.median_filter(row, length, mode="nearest") for row in rows])


def _window(size: int) -> FloatArray:
    return np.sqrt(np.hanning(size + 1)[:-1]).astype(np.float32)


def _spectra(
    channel: FloatArray, size: int, first: int, end: int
) -> "np.ndarray[tuple[int, int], np.dtype[np.complex64]]":
    """Spectra of windows `first` to `end`; window i begins at frame (i - 3) * size / 4."""
    hop = size // 4
    begin, stop = (first - 3) * hop, (end - 4) * hop + size
    inside = channel[max(0, begin) : max(0, stop)]
    padded = np.pad(inside, (max(0, -begin), stop - max(0, begin) - len(inside)))
    cut = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    return np.asarray(fft.rfft(cut * _window(size), axis=1), np.complex64)


def _power(channel: FloatArray, size: int, first: int, end: int) -> FloatArray:
    return np.square(np.abs(_spectra(channel, size, first, end)))


def _overlap_add(
    stem: FloatArray, spectra: "np.ndarray[tuple[int, int], np.dtype[np.complex64]]", size: int, first: int
) -> None:
    """Add windows to a stem [frames], in place, so that unchanged spectra give the source back."""
    hop = size // 4
    # The squares of the window at a quarter's hop add up to two.
    pieces = fft.irfft(spectra, size, axis=1) * (_window(size) / 2)
    for index, piece in enumerate(pieces):
        begin = (first + index - 3) * hop
        low, high = max(0, begin), min(len(stem), begin + size)
        if low < high:
            stem[low:high] += piece[low - begin : high - begin]
