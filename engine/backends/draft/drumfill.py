"""A drum fill of one bar from the recorded kit."""

from collections.abc import Sequence

import numpy as np

from engine.analysis.spectrum import DoubleArray, FloatArray, quiet
from engine.backends.draft.sampler import Sampler
from engine.backends.draft.samples import Pack
from engine.backends.draft.stylebook import DRUM_NOTES
from engine.backends.draft.synth import sound
from engine.units import SampleRate

STEPS_PER_BEAT = 4
_KIT = "kit_acoustic"
_VELOCITIES = {"X": 1.0, "x": 0.75, "o": 0.45}
_FILLS: tuple[dict[str, str], ...] = (
    {"snare": "x.o.x.o.xxxxXXXX", "kick": "X...x...x...x..."},
    {
        "snare": "X..xx.......",
        "high_tom": "......xxxx......",
        "mid_tom": "..........xx....",
        "low_tom": "............XXXX",
    },
    {
        "snare": "....x.......x.xx",
        "high_tom": "x.x.............",
        "mid_tom": "......x.x.......",
        "low_tom": "..........x.....X",
    },
    {"snare": "X.xxX.xxX.xxXXXX", "kick": "..x...x...x....."},
)
"""Sixteenths of a 4/4 bar; a shorter bar has their end."""


def drum_fill(beats: DoubleArray, frames: int, rate: SampleRate, seed: Sequence[int], pack: Pack) -> FloatArray:
    """Hits on the sixteenths of a bar: [1, frames], which end with a rush of the last beat.

    `beats` are the frames of the bar's beats, its end included, from 0 on.
    """
    rng = np.random.default_rng([*seed, 3])
    chosen = _FILLS[int(rng.integers(len(_FILLS)))]
    steps = (len(beats) - 1) * STEPS_PER_BEAT
    places = np.interp(np.arange(steps) / STEPS_PER_BEAT, np.arange(len(beats)), beats)
    made = np.zeros((1, frames), np.float32)
    sampler = Sampler(pack, rate)
    for lane, pattern in chosen.items():
        symbols = pattern.ljust(16, ".")[:16][-steps:].rjust(steps, ".")
        for place, symbol in zip(places, symbols, strict=True):
            if symbol not in _VELOCITIES:
                continue
            velocity = _VELOCITIES[symbol] * float(rng.uniform(0.9, 1.0))
            hit = sound(_KIT, DRUM_NOTES[lane], velocity, 0.0, rate, quiet, sampler)
            first = round(place)
            length = min(hit.shape[1], frames - first)
            made[:, first : first + length] += hit[:, :length].mean(axis=0)
    return made
