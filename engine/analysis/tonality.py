"""Pitch classes and key."""

import numpy as np

from engine.analysis.pitch import pitch_map
from engine.analysis.spectrum import FloatArray, Tick, magnitudes, mono_copy, power_of_two, quiet
from engine.analysis.triads import harmonies
from engine.units import SampleRate

_STEP_SECONDS = 1.0


def chroma_bank(size: int, rate: float, lowest: float = 80.0, highest: float = 2500.0) -> FloatArray:
    """Which pitch class (C is 0) each bin of a spectrum belongs to: [size / 2 + 1, 12], rows of sum 1 or 0."""
    bins = np.fft.rfftfreq(size, 1 / rate)
    inside = (bins >= lowest) & (bins <= highest)
    pitch = 12 * np.log2(np.maximum(bins, 1.0) / 440) + 9
    distance = (pitch[:, None] - np.arange(12) + 6) % 12 - 6
    bank = np.exp(-0.5 * (distance / 0.35) ** 2) * inside[:, None]
    return np.asarray(bank / np.maximum(bank.sum(axis=1, keepdims=True), 1e-9), np.float32)


def chroma(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> tuple[FloatArray, float]:
    """Strength of the twelve pitch classes (C first) of [channels, frames]: [hops, 12] and the hops a second."""
    mono, low_rate = mono_copy(samples, rate, tick)
    size = power_of_two(0.19, low_rate)
    hop = size // 4
    bank = chroma_bank(size, low_rate)
    blocks = []
    for block in magnitudes(mono, size, hop):
        blocks.append(block @ bank)
        tick()
    return (np.concatenate(blocks) if blocks else np.zeros((0, 12), np.float32)), low_rate / hop


def estimate_key(samples: FloatArray, rate: SampleRate, tick: Tick = quiet) -> str | None:
    """The key of [channels, frames] in the words of a spec, such as `A minor`; None for silence.

    The key in which the chords of every half second and the pitch classes are likeliest; relative keys are the usual error.
    """
    mono, low_rate = mono_copy(samples, rate, tick)
    steps = max(1, round(samples.shape[1] / rate / _STEP_SECONDS))
    edges = np.linspace(0.0, samples.shape[1] / rate, steps + 1)
    return harmonies(pitch_map(mono, low_rate, tick), edges).key
