"""Chorus and compression of single parts. In a loop both run from the end into the start."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from engine.audio import FloatArray

CHORUS_SECONDS = (0.013, 0.004)
"""Delay of the chorus, and how far it sways."""
CHORUS_HZ = 0.6
BLOCK_SECONDS = 0.004
SMOOTH_SECONDS = 0.02
"""Standard deviation of the compressor's averaging; it sees as far ahead as back, so that no attack slips through."""
KNEE_DB = 6.0
FLOOR_DB = -90.0


@dataclass(frozen=True, slots=True)
class Effects:
    """What an instrument goes through before its fader."""

    chorus: float = 0.0
    """Level of the swaying copies, 0 to 1."""
    ratio: float = 1.0
    """Decibels in for each decibel out, above the threshold; 1: no compression."""


EFFECTS: dict[str, Effects] = {
    "electric_piano": Effects(chorus=0.3),
    "fm_piano": Effects(chorus=0.3),
    "guitar_clean": Effects(chorus=0.25, ratio=2.0),
    "finger_bass": Effects(ratio=2.5),
    "pick_bass": Effects(ratio=2.5),
    "upright_bass": Effects(ratio=1.5),
    "kit_acoustic": Effects(ratio=1.5),
    "kit_electronic": Effects(ratio=1.5),
    "kit_lofi": Effects(ratio=2.0),
}
"""By instrument; one that is not named goes through dry."""


def apply(stem: FloatArray, effects: Effects, rate: int, *, loop: bool) -> None:
    """Send a stem [2, frames] through its effects, in place."""
    if effects.ratio > 1:
        stem *= compression(stem, effects.ratio, rate, loop=loop)
    if effects.chorus:
        stem += chorus(stem, rate, loop=loop) * np.float32(effects.chorus)


def chorus(stem: FloatArray, rate: int, *, loop: bool) -> FloatArray:
    """Each channel late by a swaying time, the right one opposite to the left: float32 [2, frames]."""
    frames = stem.shape[1]
    turns = frames / rate * CHORUS_HZ
    # In a loop the sway ends where it began.
    turns = max(1, round(turns)) if loop else turns
    time = np.arange(frames)
    middle, depth = (seconds * rate for seconds in CHORUS_SECONDS)
    wet = np.empty_like(stem)
    for channel, phase in enumerate((0.0, np.pi)):
        place = time - middle - depth * np.sin(2 * np.pi * turns / frames * time + phase)
        wet[channel] = _read(stem[channel], place, loop=loop)
    return wet


def _read(line: FloatArray, place: npt.NDArray[np.float64], *, loop: bool) -> FloatArray:
    """A line at places between its frames, by cubic interpolation; before its start it is silent, or its own end."""
    before = int(np.ceil(-place.min())) + 2
    tail = np.resize(line[::-1], before)[::-1] if loop else np.zeros(before, np.float32)
    ahead = np.resize(line, 3) if loop else np.zeros(3, np.float32)
    line = np.concatenate([tail, line, ahead])
    place = place + before
    left = np.floor(place).astype(np.int64)
    x = (place - left).astype(np.float32)
    a, b, c, d = (line.take(left + step) for step in (-1, 0, 1, 2))
    # Catmull-Rom: passes through the samples, and its slope has no corners.
    return b + 0.5 * x * (c - a + x * (2 * a - 5 * b + 4 * c - d + x * (3 * (b - c) + d - a)))


def compression(stem: FloatArray, ratio: float, rate: int, *, loop: bool) -> FloatArray:
    """A gain curve that brings what is louder than the part's usual level closer to it: float32 [frames].

    The threshold is the median level of what sounds, with a soft knee (Giannoulis, Massberg & Reiss 2012); the gain
    never rises over 1.
    """
    frames = stem.shape[1]
    block = max(1, round(BLOCK_SECONDS * rate))
    starts = np.arange(0, frames, block)
    power = np.add.reduceat(np.mean(np.square(stem), axis=0, dtype=np.float64), starts)
    power /= np.diff(np.append(starts, frames))
    edge = "wrap" if loop else "nearest"
    level = 10 * np.log10(gaussian_filter1d(power, SMOOTH_SECONDS / BLOCK_SECONDS, mode=edge) + 10 ** (FLOOR_DB / 10))
    sounding = level > level.max() - 40
    over = level - np.median(level[sounding])
    knee = np.clip(over + KNEE_DB / 2, 0, KNEE_DB) ** 2 / (2 * KNEE_DB) + np.maximum(over - KNEE_DB / 2, 0)
    gain = gaussian_filter1d(-(1 - 1 / ratio) * knee, SMOOTH_SECONDS / BLOCK_SECONDS, mode=edge)
    middles = np.minimum(starts + block / 2, frames)
    period = frames if loop else None
    return np.asarray(10 ** (np.interp(np.arange(frames), middles, gain, period=period) / 20), dtype=np.float32)
