"""Drums at half or double time: their hits cut out on the grid and played on a grid twice as wide or as narrow."""

import numpy as np

from engine.analysis.spectrum import DoubleArray, FloatArray
from engine.backends.base import Span
from engine.units import SampleRate

_EARLY_SECONDS = 0.005
"""Hits begin a little before the grid; a slice does as well."""
_FADE_SECONDS = 0.005
_LEAST = 4


def halved(drums: FloatArray, span: Span, beats: DoubleArray, rate: SampleRate) -> bool:
    """Play the first half of a span's drums over the whole of it, in place; False where it has less than two beats.

    `drums` is [channels, frames]; `beats` are frames of the quarter notes. Each eighth is played where two would be.
    """
    eighths = _divided(beats, span, rate, 2)
    if len(eighths) <= _LEAST:
        return False
    count = (len(eighths) - 1) // 2
    _replay(drums, eighths[: count + 1], eighths[::2][: count + 1], rate)
    return True


def doubled(drums: FloatArray, span: Span, beats: DoubleArray, rate: SampleRate) -> bool:
    """Play a span's drums twice as fast and twice over, in place; False where it has less than two beats."""
    eighths, sixteenths = _divided(beats, span, rate, 2), _divided(beats, span, rate, 4)
    if len(eighths) <= _LEAST:
        return False
    count = len(eighths) - 1
    order = np.arange(len(sixteenths) - 1) % count
    _replay(drums, eighths, sixteenths, rate, order)
    return True


def _divided(beats: DoubleArray, span: Span, rate: SampleRate, parts: int) -> DoubleArray:
    """Frames of the divisions of the beats that lie in a span."""
    early = 0.03 * rate
    inside = beats[(beats >= span.first - early) & (beats <= span.end + early)]
    if len(inside) < 2:
        return inside
    return np.interp(np.arange((len(inside) - 1) * parts + 1) / parts, np.arange(len(inside)), inside)


def _replay(
    drums: FloatArray,
    source: DoubleArray,
    places: DoubleArray,
    rate: SampleRate,
    order: "np.ndarray[tuple[int], np.dtype[np.intp]] | None" = None,
) -> None:
    """Slice i of the source, or slice order[i], to place i; what a slice does not fill is silent."""
    early, fade = round(_EARLY_SECONDS * rate), max(1, round(_FADE_SECONDS * rate))
    old = drums.copy()
    low, high = round(places[0]) - early, round(places[-1]) - early
    drums[:, max(0, low) : max(0, high)] = 0
    for index in range(len(places) - 1):
        which = index if order is None else int(order[index])
        first, start = round(source[which]) - early, round(places[index]) - early
        length = min(round(source[which + 1]) - early - first, round(places[index + 1]) - early - start)
        if min(first, start) < 0 or length < 2 * fade:
            continue
        piece = old[:, first : first + length].copy()
        piece[:, :fade] *= np.linspace(0, 1, fade, dtype=np.float32)
        piece[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        drums[:, start : start + piece.shape[1]] = piece
