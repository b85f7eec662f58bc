"""What hits of a drum have in common: in electronic music a kick is always the same, and a bass below it is not.

Hits that sound alike to the net are laid over each other. What most of them reach is of the drum, whatever else there is in
one of them. Rafii and Pardo, Music/voice separation using the similarity matrix (ISMIR 2012), do so with whole mixes.
"""

import numpy as np
import numpy.typing as npt

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.separator.bands import COUNTS

LOW = 16
"""Bands up to 172 Hz, where kicks and basses meet."""
CUES = 10
QUANTILES = (0.25, 0.55)
_BEFORE, _AFTER = 3, 16
"""Windows of a hit, beside where it rises most: 70 ms before and 370 ms after."""
_HEARD_BEFORE, _HEARD_AFTER = 2, 8
_APART = 4
_LEAST_RISE = 0.2
"""A hit rises by so much of what the strongest do."""
_LEAST_HITS, _MOST_HITS, _SHARE = 4, 24, 0.4
"""How many of the hits around are taken as the same drum."""
_BLOCK, _AROUND = 64, 160
_TINY = 1e-12

Indices = npt.NDArray[np.intp]


def low_cues(power: FloatArray, masks: FloatArray, medians: FloatArray) -> FloatArray:
    """What there is to tell a kick from a bass by, below 172 Hz: [10, windows, 16].

    The mix's power, the power that the net gives the drums above, the net's three masks, three of `repeated_masks`, and
    those of median filters. `power` is [windows, 256], `masks` of drums, bass and other [3, windows, 256], `medians` of
    drums and bass [2, windows, 256].
    """
    above = (masks[0][:, LOW:] * power[:, LOW:]).sum(axis=1, keepdims=True)
    levels = power[:, :LOW], np.repeat(above, LOW, axis=1)
    repeated = repeated_masks(power, masks)
    return np.asarray(np.concatenate([levels, masks[:, :, :LOW], repeated, medians[:, :, :LOW]]), np.float32)


def repeated_masks(power: FloatArray, masks: FloatArray) -> FloatArray:
    """Masks of drums [3, windows, 16] by what a hit shares with others like it, for power and masks in all bands.

    `power` [windows, 256] is the mix's, `masks` [3, windows, 256] the net's. The first two are what a quarter and what
    more than half of the hits alike do not reach; the third is the median of what the net gives the drum in them.
    With too few hits they are the net's own.
    """
    low, drums = power[:, :LOW], masks[0][:, :LOW]
    found = np.repeat(drums[None], 3, axis=0)
    given = np.square(drums) * low
    hits = _hits(np.sqrt(given.sum(axis=1)))
    if len(hits) < _LEAST_HITS:
        return found
    shapes = _shapes(power, masks[0], hits)
    span = np.arange(-_BEFORE, _AFTER)
    places = np.clip(hits[:, None] + span, 0, len(low) - 1)
    kept = np.zeros_like(found)
    for first in range(0, len(hits), _BLOCK):
        end = min(len(hits), first + _BLOCK)
        begin, stop = max(0, first - _AROUND), min(len(hits), end + _AROUND)
        count = int(np.clip(_SHARE * (stop - begin), _LEAST_HITS, _MOST_HITS))
        likeness = shapes[first:end] @ shapes[begin:stop].T
        alike = begin + np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        heard = np.sort(low[places[alike]], axis=1)
        told = np.sort(given[places[alike]], axis=1)
        levels = np.stack([*(_quantile(heard, share) for share in QUANTILES), _quantile(told, 0.5)])
        for index in range(first, end):
            after = hits[index + 1] - hits[index] if index + 1 < len(hits) else _AFTER
            long = _BEFORE + min(_AFTER, int(after))
            at = places[index, :long]
            kept[:, at] = np.maximum(kept[:, at], levels[:, index - first, :long])
    return np.asarray(np.minimum(1, kept / (low + _TINY)), np.float32)


def _hits(level: FloatArray) -> Indices:
    """Windows in which a level rises most."""
    rise = np.maximum(0, level - np.concatenate([[0.0, 0.0], level[:-2]]))
    padded = np.pad(rise, _APART)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _APART + 1).max(axis=1)
    return np.flatnonzero((rise == around) & (rise > _LEAST_RISE * np.percentile(rise, 99)))


def _shapes(power: FloatArray, drums: FloatArray, hits: Indices) -> FloatArray:
    """What the net hears of the drums at each hit, as vectors of length one: [hits, shape]."""
    places = np.clip(hits[:, None] + np.arange(-_HEARD_BEFORE, _HEARD_AFTER), 0, len(power) - 1)
    heard = drums[places] * np.sqrt(power[places] / COUNTS.astype(np.float32))
    shapes = np.log1p(50 * heard / (heard.max() + _TINY)).reshape(len(hits), -1)
    return np.asarray(shapes / (np.linalg.norm(shapes, axis=1, keepdims=True) + _TINY), np.float32)


def _quantile(ordered: FloatArray, share: float) -> FloatArray:
    """One quantile of sorted values [hits, alike, windows, bands], between its two neighbours."""
    place = share * (ordered.shape[1] - 1)
    first = int(place)
    rest = np.float32(place - first)
    return np.asarray(
        (1 - rest) * ordered[:, first] + rest * ordered[:, min(first + 1, ordered.shape[1] - 1)], np.float32
    )
