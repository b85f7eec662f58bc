"""What anybody could do by hand: the copies that an engine has to beat."""

from collections.abc import Callable, Mapping
from math import ceil

import numpy as np

from engine.audio import FloatArray
from engine.units import Frames

Rival = Callable[[FloatArray, int, int, float, np.random.Generator], FloatArray]
"""Takes the window [channels, frames], first frame and end of the hole, frames a beat and a generator; gives the hole."""

BEATS_A_BAR = 4


def _copy_previous(window: FloatArray, first: int, end: int, beat: float, _: np.random.Generator) -> FloatArray:
    """The bars before the hole, in time."""
    bar = BEATS_A_BAR * beat
    back = Frames(round(ceil((end - first) / bar - 1e-6) * bar))
    return _looped(window, first, end, min(back, first))


def _loop_one_beat(window: FloatArray, first: int, end: int, beat: float, _: np.random.Generator) -> FloatArray:
    return _looped(window, first, end, round(beat))


def _random(window: FloatArray, first: int, end: int, _: float, rng: np.random.Generator) -> FloatArray:
    """Any stretch of the window outside of the hole, on no beat."""
    length = end - first
    starts = [(low, high) for low, high in ((0, first - length), (end, window.shape[1] - length)) if low < high]
    low, high = starts[int(rng.integers(len(starts)))]
    start = int(rng.integers(low, high))
    return window[:, start : start + length]


def _loop_last_bars(bars: int) -> Rival:
    def loop(window: FloatArray, first: int, end: int, beat: float, _: np.random.Generator) -> FloatArray:
        return _looped(window, first, end, round(bars * BEATS_A_BAR * beat))

    return loop


def _looped(window: FloatArray, first: int, end: int, period: int) -> FloatArray:
    """The last `period` frames before the hole, again and again."""
    return window[:, first - period + np.arange(end - first) % period]


HOLES: Mapping[str, Rival] = {"copy previous": _copy_previous, "loop one beat": _loop_one_beat, "random": _random}
CONTINUATIONS: Mapping[str, Rival] = {"loop last 8 bars": _loop_last_bars(8), "loop last bar": _loop_last_bars(1)}
