"""Hits of a drum stem: each onset is a kick, a snare, a hi-hat or some of them, by where its energy lies.

Rules on four bands, with limits found on pieces of the draft engine. Toms are taken for kicks or snares, cymbals for hi-hats.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from engine.analysis.onsets import flux, onsets_of
from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, mono_copy, power_of_two, quiet
from engine.transcription.notes import HeardNote
from engine.units import SampleRate

KICK, SNARE, HAT = 36, 38, 42
"""Notes of General MIDI's drum map."""
_BANDS = ((35.0, 110.0), (150.0, 450.0), (1200.0, 4000.0), (6500.0, 10500.0))
"""Hertz: the skin of a kick, that of a snare, its wires, cymbals."""
_WINDOW_SECONDS = 0.046
_AFTER, _BEFORE = (0.0, 0.05), (-0.06, -0.025)
_HIT_SECONDS = 0.1
_LEAD_SECONDS = 0.2
_FLOOR = 1e-9
Marks: TypeAlias = npt.NDArray[np.bool_]


def hits(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> tuple[HeardNote, ...]:
    """The hits of [channels, frames], in order of time."""
    mono, low_rate = mono_copy(samples, rate, tick)
    # What begins with the clip rises out of silence, as any other hit.
    lead = round(_LEAD_SECONDS * low_rate)
    mono = np.pad(mono, (lead, 0))
    times, _ = onsets_of(mono, low_rate, flux(mono, low_rate, tick), tick)
    if not len(times):
        return ()
    level, rise = _around(mono, low_rate, times, tick)
    kick = _kicks(level, rise)
    snare = _snares(level, rise, kick)
    hat = _hats(level, rise, kick | snare)
    found = []
    for pitch, struck, band in ((KICK, kick, 0), (SNARE, snare, 1), (HAT, hat, 3)):
        loudest = float(level[struck, band].max(initial=-120.0))
        for place in np.flatnonzero(struck):
            # Decibels below the loudest hit of its kind become velocity as most samplers read it.
            velocity = float(np.clip(10 ** ((level[place, band] - loudest) / 40), 0.05, 1.0))
            start = max(0.0, float(times[place]) - lead / low_rate)
            found.append(HeardNote(start, start + _HIT_SECONDS, pitch, velocity))
    return tuple(sorted(found, key=lambda hit: (hit.start, hit.pitch)))


def _around(mono: FloatArray, rate: float, times: DoubleArray, tick: Tick) -> tuple[DoubleArray, DoubleArray]:
    """Level that each onset brings, and how far what sounds then lies above what did before: [onsets, bands] in decibels."""
    size = power_of_two(_WINDOW_SECONDS, rate)
    hop = size // 8
    bins = np.fft.rfftfreq(size, 1 / rate)
    blocks = []
    for block in magnitudes(mono, size, hop):
        power = np.square(block)
        blocks.append(np.stack([power[:, (bins >= low) & (bins <= high)].sum(axis=1) for low, high in _BANDS], axis=1))
        tick()
    power = np.concatenate(blocks).astype(np.float64)
    centres = np.round(times * rate / hop).astype(np.intp)

    def between(span: tuple[float, float]) -> DoubleArray:
        steps = np.arange(round(span[0] * rate / hop), round(span[1] * rate / hop) + 1)
        return np.asarray(power[np.clip(centres[:, None] + steps, 0, len(power) - 1)])

    after, before = between(_AFTER).max(axis=1), between(_BEFORE).mean(axis=1)
    # What rings on from earlier hits, a kick's tail above all, is no part of this one.
    new = np.maximum(after - before, 0.01 * after)
    return 10 * np.log10(new + 1e-12), 10 * np.log10((after + _FLOOR) / (before + _FLOOR))


def _kicks(level: DoubleArray, rise: DoubleArray) -> Marks:
    low = level[:, 0]
    loud = (low > np.percentile(low, 95) - 10) & (low > low.max() - 25)
    return np.asarray(loud & (rise[:, 0] > 10) & (low > level[:, 1] - 4))


def _snares(level: DoubleArray, rise: DoubleArray, kick: Marks) -> Marks:
    low, body, wires, cymbals = level.T
    over_kick = np.where(kick, body > low - 5, body > low + 3)
    struck = (body > body.max() - 15) & (rise[:, 1] > 8) & (body > cymbals) & over_kick
    # A stick on the rim has hardly a body.
    rim = ~kick & (wires > cymbals + 3) & (wires > body - 2) & (wires > wires.max() - 12) & (rise[:, 2] > 10)
    return np.asarray(struck | rim)


def _hats(level: DoubleArray, rise: DoubleArray, struck: Marks) -> Marks:
    """What is neither kick nor snare; beside those, what is as loud as the hi-hats that are alone."""
    cymbals = level[:, 3]
    alone = ~struck & (rise[:, 3] > 3) & (cymbals > level[:, 1] - 8)
    usual = float(np.median(cymbals[alone])) if alone.sum() >= 3 else np.inf
    return np.asarray(alone | (struck & (rise[:, 3] > 4) & (cymbals > usual - 6)))
