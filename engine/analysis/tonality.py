"""Pitch classes and key."""

import numpy as np

from engine.analysis.spectrum import FloatArray, Tick, magnitudes, mono_copy, power_of_two, quiet
from engine.units import SampleRate

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# Temperley, What's Key for Key? (Music Perception 1999).
_MAJOR = (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0)
_MINOR = (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0)


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

    The best of 24 by correlation with key profiles; relative keys and fifths are the usual errors.
    """
    strengths, _ = chroma(samples, rate, tick)
    mean = strengths.mean(axis=0, dtype=np.float64) if len(strengths) else np.zeros(12)
    if mean.max() < 1e-7:
        return None
    scores = {
        f"{_NAMES[tonic]} {mode}": float(np.corrcoef(np.roll(profile, tonic), mean)[0, 1])
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    return max(scores, key=lambda name: scores[name])
