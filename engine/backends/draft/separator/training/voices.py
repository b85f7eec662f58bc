"""Basses whose notes begin as drums do, and kicks that end as basses do, with every knob turned by chance.

Plucked and slapped strings, synthesizers with a resonant filter that closes fast, and sine waves that fall like a kick.
"""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import signal

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.drumkit import KITS, drum
from engine.backends.draft.tone import hertz

if TYPE_CHECKING:  # what is there at run time needs FluidSynth
    from engine.backends.draft.separator.training.sounds import Sound

BLOCK = 32
"""Frames for which a filter stands still."""

Curve = npt.NDArray[np.float64]
"""One value a frame."""


def dice_string(rng: np.random.Generator, rate: int) -> "Sound":
    """A string, plucked, muted or slapped.

    Source: Karplus and Strong, Digital synthesis of plucked-string and drum timbres (Computer Music Journal 1983).
    """
    seed, place, soft = int(rng.integers(1 << 31)), rng.uniform(0.05, 0.45), rng.uniform(0.3, 1.7)
    bright = 300 * 2 ** rng.uniform(0, 4)
    rings = 0.08 * 2 ** rng.uniform(0, 5.5)
    release, dull = rng.uniform(0.01, 0.1), rng.uniform(0.05, 0.5)
    knock, knock_hertz = rng.choice([0.0, rng.uniform(0.1, 1.5)]), 60 * 2 ** rng.uniform(0, 2.5)
    snap = rng.choice([0.0, rng.uniform(0.05, 0.6)])

    def sound(pitch: int, velocity: float, seconds: float) -> FloatArray:
        noise = np.random.default_rng(seed)
        wanted = rate / hertz(pitch) - dull
        period = max(4, round(wanted))
        partial = np.arange(period // 2 + 1)
        partials = (
            np.maximum(1, partial) ** -soft * np.sin(np.pi * place * partial) * np.exp(-partial * hertz(pitch) / bright)
        )
        burst = np.fft.irfft(partials * np.exp(2j * np.pi * noise.random(len(partial))), period)
        time = np.arange(round((min(seconds, 4 * rings) + 5 * release) * rate)) / rate
        keep = 0.001 ** (period / rate / (3 * rings))
        loop = np.zeros(period + 2)
        loop[0], loop[period], loop[period + 1] = 1, -keep * (1 - dull), -keep * dull
        body = signal.lfilter([1.0], loop, np.pad(burst, (0, max(0, len(time) - period)))[: len(time)])
        # The loop has whole frames; the string is brought to its pitch by playing it a little faster or slower.
        body = np.interp(np.arange(len(time)) * (period / wanted), np.arange(len(time)), body)
        body /= np.abs(body).max() + 1e-9
        body *= np.exp(-np.maximum(time - seconds, 0) / release)
        body += knock * np.sin(2 * np.pi * knock_hertz * time) * np.exp(-time / 0.02)
        body += snap * noise.standard_normal(len(time)) * np.exp(-time / 0.004)
        return _stereo(body * velocity)

    return sound


def dice_resonant(rng: np.random.Generator, rate: int) -> "Sound":
    """Two or three oscillators through a resonant low pass that an envelope closes: short basses of synthesizers."""
    kinds = [str(rng.choice(["sine", "triangle", "saw", "saw", "square", "moog"])) for _ in range(rng.integers(1, 4))]
    tunes = [0.0, *(rng.choice([0, 0, 0, 12, -12, 7], 2) + rng.normal(0, 0.08, 2))]
    gains, phases = rng.uniform(0.3, 1, 3), rng.random(3)
    attack, decay = 0.001 * 2 ** rng.uniform(0, 4), 0.04 * 2 ** rng.uniform(0, 4.5)
    held, release = rng.choice([0.0, 0.0, 0.2, 0.6, 1.0]), 0.005 * 2 ** rng.uniform(0, 5)
    corner, opens, closing = 60 * 2 ** rng.uniform(0, 3.5), rng.uniform(0, 6), 0.015 * 2 ** rng.uniform(0, 5)
    quality, punch = 0.6 * 2 ** rng.uniform(0, 3), rng.choice([0.0, 0.0, rng.uniform(1, 24)])
    falling, pushed = rng.uniform(0.004, 0.05), rng.choice([0.0, rng.uniform(0.5, 4)])
    click = rng.choice([0.0, 0.0, rng.uniform(0.05, 0.5)])

    def sound(pitch: int, velocity: float, seconds: float) -> FloatArray:
        time = np.arange(round((seconds + 5 * release) * rate)) / rate
        bend = punch * np.exp(-time / falling)
        wave = np.zeros(len(time))
        for kind, tune, gain, phase in zip(kinds, tunes, gains, phases, strict=False):
            turns = np.cumsum(440 * 2 ** ((pitch + tune + bend - 69) / 12)) / rate + phase
            wave += gain * _wave(kind, turns)
        corners = corner * 2 ** (opens * velocity * np.exp(-time / closing))
        wave = _resonant(wave, corners, quality, rate)
        if pushed:
            wave = np.tanh(wave / (np.abs(wave).max() + 1e-9) * pushed)
        shape = (1 - np.exp(-time / attack)) * (held + (1 - held) * np.exp(-time / decay))
        shape *= np.exp(-np.maximum(time - seconds, 0) / release)
        wave = wave / (np.abs(wave).max() + 1e-9) * shape
        wave += click * np.random.default_rng(0).standard_normal(len(time)) * np.exp(-time / 0.002)
        return _stereo(wave * velocity)

    return sound


def dice_sub(rng: np.random.Generator, rate: int) -> "Sound":
    """A sine wave that falls to its pitch and dies away, clean or driven: the 808 played as a bass."""
    above, falling = rng.choice([0.0, rng.uniform(3, 36)]), rng.uniform(0.005, 0.06)
    decay, release, attack = 0.1 * 2 ** rng.uniform(0, 4), rng.uniform(0.005, 0.1), 0.001 * 2 ** rng.uniform(0, 3)
    pushed, click = rng.choice([0.0, rng.uniform(0.5, 6)]), rng.choice([0.0, rng.uniform(0.02, 0.4)])

    def sound(pitch: int, velocity: float, seconds: float) -> FloatArray:
        time = np.arange(round((seconds + 5 * release) * rate)) / rate
        turns = np.cumsum(440 * 2 ** ((pitch + above * np.exp(-time / falling) - 69) / 12)) / rate
        wave = np.sin(2 * np.pi * turns) * np.exp(-time / decay) * (1 - np.exp(-time / attack))
        if pushed:
            wave = np.tanh(wave * pushed)
        wave *= np.exp(-np.maximum(time - seconds, 0) / release)
        wave += click * np.random.default_rng(0).standard_normal(len(time)) * np.exp(-time / 0.003)
        return _stereo(wave * velocity)

    return sound


def dice_long_kick(rng: np.random.Generator, rate: int, settled: float) -> "Sound":
    """A kit of the house whose kick hums at `settled` Hz for up to a second, at times driven hard."""
    kit = dataclasses.replace(
        KITS[str(rng.choice(list(KITS)))],
        kick=(settled * rng.uniform(1.5, 7), settled, rng.uniform(0.01, 0.08), 0.12 * 2 ** rng.uniform(0, 2.5)),
        click=rng.uniform(0, 0.8),
    )
    pushed = rng.choice([0.0, rng.uniform(1, 6)])

    def sound(pitch: int, velocity: float, _: float) -> FloatArray:
        hit = drum(kit, pitch, velocity, rate)
        return np.asarray(np.tanh(hit * pushed), np.float32) if pushed else hit

    return sound


def _wave(kind: str, turns: Curve) -> Curve:
    """One shape of an oscillator for the count of turns so far."""
    part = turns % 1
    if kind == "sine":
        return np.sin(2 * np.pi * turns)
    if kind == "triangle":
        return 4 * np.abs(part - 0.5) - 1
    if kind == "square":
        return np.where(part < 0.5, 1.0, -1.0)
    if kind == "moog":
        return np.where(part < 0.5, 4 * part - 1, 1 - 2 * part)
    return 2 * part - 1


def _resonant(wave: Curve, corners: Curve, quality: float, rate: int) -> Curve:
    """A low pass of two poles whose corner moves. Source: R. Bristow-Johnson, Audio EQ Cookbook."""
    state, filtered = np.zeros(2), np.empty_like(wave)
    for first in range(0, len(wave), BLOCK):
        turn = 2 * np.pi * min(float(corners[first]), 0.45 * rate) / rate
        alpha, cosine = np.sin(turn) / (2 * quality), np.cos(turn)
        above = np.array([(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2]) / (1 + alpha)
        below = np.array([1.0, -2 * cosine / (1 + alpha), (1 - alpha) / (1 + alpha)])
        filtered[first : first + BLOCK], state = signal.lfilter(above, below, wave[first : first + BLOCK], zi=state)
    return filtered


def _stereo(mono: Curve) -> FloatArray:
    return np.repeat(np.asarray(mono, np.float32)[None], 2, axis=0)
