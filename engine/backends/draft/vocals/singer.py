"""The stem of the vocals: two nets, one that hears vocals and one that hears the rest, and the mask made of both."""

from collections.abc import Callable, Iterator
from itertools import count as counted

import numpy as np

from engine.analysis.spectrum import FloatArray, Tick
from engine.backends.base import Report, Stage
from engine.backends.draft import windows
from engine.backends.draft.separator.bands import window_frames
from engine.backends.draft.vocals import weights
from engine.backends.draft.vocals.carrier import INSTALL, checkpoints
from engine.backends.draft.vocals.unet import BINS, LAYERS, WINDOWS, UNet
from engine.errors import NoModel
from engine.units import SampleRate

_SHA256 = (
    "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
    "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
)
_MARGIN = 32
"""Windows at either end of a stretch where its neighbour fades in."""
_BLOCK_WINDOWS = 160
_TRAINED_SIZE = 4096
_HIGHEST_BINS = 128
"""What lies above 11 kHz follows the mean of the bins from 9.6 kHz: sibilants are as wide as that."""
_TINY = np.float32(1e-10)


class Singer:
    """Both nets. Raises NoModel where their weights are not installed, BadModel where they are damaged."""

    def __init__(self) -> None:
        paths = checkpoints()
        if paths is None:
            raise NoModel(f"the weights for vocals are not installed: {INSTALL}")
        self._vocals, self._rest = (
            UNet(weights.read(path, sha256)) for path, sha256 in zip(paths, _SHA256, strict=True)
        )

    def mask(self, levels: FloatArray, tick: Tick) -> FloatArray:
        """The vocals' mask, 0 to 1, for magnitudes [2, windows, 1024] of 1 to 512 windows, of the same shape."""
        heard = levels.shape[1]
        padded = np.pad(levels, ((0, 0), (0, WINDOWS - heard), (0, 0)))
        vocals, rest = (np.square(net.shares(padded, tick) * padded)[:, :heard] for net in (self._vocals, self._rest))
        return np.asarray((vocals + _TINY / 2) / (vocals + rest + _TINY), np.float32)


def vocals(samples: FloatArray, rate: SampleRate, singer: Singer, report: Report) -> FloatArray:
    """The vocals of [channels, frames], of the same shape; the source less these is the accompaniment.

    Two channels are heard as such, each with its own mask; any other number by their mean, with one mask for all.
    """
    size = window_frames(rate)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    stereo = samples if len(samples) == 2 else np.repeat(samples.mean(axis=0, keepdims=True), 2, axis=0)
    masks = _masks(stereo, window, singer, lambda share: report(0.9 * share, Stage.RENDERING))
    if len(samples) != 2:
        masks = np.repeat(masks.mean(axis=0, keepdims=True), len(samples), axis=0)
    stem = np.zeros_like(samples, dtype=np.float32)
    total = masks.shape[1]
    for first in range(0, total, _BLOCK_WINDOWS):
        end = min(total, first + _BLOCK_WINDOWS)
        for channel, mask, sung in zip(samples, masks, stem, strict=True):
            heard = windows.spectra(channel, window, first, end)
            windows.overlap_add(sung, heard * extended(mask[first:end], heard.shape[1]), window, first)
        report(0.9 + 0.1 * end / total, Stage.RENDERING)
    return stem


def extended(mask: FloatArray, bins: int) -> FloatArray:
    """A mask [windows, 1024] for so many bins: cut, or carried on above 11 kHz."""
    above = np.repeat(mask[:, -_HIGHEST_BINS:].mean(axis=1, keepdims=True), max(0, bins - BINS), axis=1)
    return np.concatenate([mask[:, :bins], above], axis=1)


def _masks(stereo: FloatArray, window: FloatArray, singer: Singer, tell: Callable[[float], None]) -> FloatArray:
    """Masks [2, windows, 1024] of any number of windows: stretches that fade into each other."""
    total = windows.count(stereo.shape[1], len(window))
    masks, faded = np.zeros((2, total, BINS), np.float32), np.zeros((total, 1), np.float32)
    stretches = list(_stretches(total))
    layers, all_layers = counted(1), len(stretches) * 2 * LAYERS
    for first, end in stretches:
        levels = np.stack([_levels(channel, window, first, end) for channel in stereo])
        place = np.arange(end - first)
        weight = np.minimum(np.minimum(place, place[::-1]) + 1, _MARGIN).astype(np.float32)[:, None]
        masks[:, first:end] += weight * singer.mask(levels, lambda: tell(next(layers) / all_layers))
        faded[first:end] += weight
    masks /= faded
    return masks


def _stretches(total: int) -> Iterator[tuple[int, int]]:
    """Windows `first` to `end` that the net hears at once; the last stretch reaches back to be as long as the others."""
    for start in range(0, max(1, total - 2 * _MARGIN), WINDOWS - 2 * _MARGIN):
        end = min(total, start + WINDOWS)
        yield max(0, end - WINDOWS), end


def _levels(channel: FloatArray, window: FloatArray, first: int, end: int) -> FloatArray:
    """Magnitudes [windows, 1024], as large as windows of the trained length would give; zeros above half the rate."""
    heard = np.abs(windows.spectra(channel, window, first, end)[:, :BINS]) * np.float32(_TRAINED_SIZE / len(window))
    return np.pad(heard, ((0, 0), (0, BINS - heard.shape[1])))
