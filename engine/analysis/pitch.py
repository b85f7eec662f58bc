"""The tonal side of audio: semitone strengths over time, with hits taken out and the tuning found."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from engine.analysis.spectrum import DoubleArray, FloatArray, Tick, magnitudes, power_of_two, quiet

LOWEST = 28
"""MIDI note of the first row of a `PitchMap`: E1, the low string of a bass."""
HIGHEST = 100
"""MIDI note of the last: above it hardly a fundamental lies."""
PER_SEMITONE = 3
_BASS_BELOW = 53
_BASS_SECONDS, _TREBLE_SECONDS = 0.37, 0.186
HARMONY_SECONDS, MELODY_SECONDS = 0.5, 0.11
"""Spans of the filter that takes hits out: what lasts less than half of it goes; the short one keeps quick notes."""
_BLOCK = 512
_PEAK_TUNING = (110.0, 1800.0)


@dataclass(frozen=True, slots=True)
class PitchMap:
    """How strongly each semitone sounds: hop i is centred on i / rate seconds."""

    values: FloatArray
    """[hops, HIGHEST - LOWEST + 1] amplitudes; a full-scale sine gives about 0.5."""
    rate: float
    """Hops a second."""
    tuning: float
    """Semitones by which the music lies above A = 440 Hz, -0.5 to 0.5."""

    def between(self, start: float, end: float) -> FloatArray:
        """Rows from one time in seconds to another; at least one where there is any."""
        first = min(max(0, round(start * self.rate)), max(0, len(self.values) - 1))
        return self.values[first : max(first + 1, round(end * self.rate))]


def pitch_map(mono: FloatArray, rate: float, tick: Tick = quiet, lasting: float = HARMONY_SECONDS) -> PitchMap:
    """The pitch map of a `mono_copy`: longer windows below F3, where semitones lie close.

    What sounds for less than half of `lasting` seconds is taken for a hit and left out. Source: median filtering,
    Fitzgerald, Harmonic/percussive separation (DAFx 2010), on pitch bands instead of bins.
    """
    hop = power_of_two(min(_TREBLE_SECONDS, lasting), rate) // 4
    tuning = _tuning(mono, rate, tick)
    fine = _bands(mono, rate, hop, tuning, tick)
    span = max(3, round(lasting * rate / hop) // 2 * 2 + 1)
    held = np.empty_like(fine)
    for at in range(0, len(fine), _BLOCK):
        low = max(0, at - span)
        part = ndimage.median_filter(fine[low : at + _BLOCK + span], (span, 1), mode="nearest")
        held[at : at + _BLOCK] = part[at - low : at - low + _BLOCK]
        tick()
    kept = np.minimum(fine, held)
    values = kept.reshape(len(kept), HIGHEST - LOWEST + 1, PER_SEMITONE).max(axis=2)
    return PitchMap(values, rate / hop, tuning)


def _tuning(mono: FloatArray, rate: float, tick: Tick) -> float:
    """The circular mean of how far spectral peaks lie from the tempered scale, weighted by their strength."""
    size = power_of_two(_TREBLE_SECONDS, rate)
    bins = np.fft.rfftfreq(size, 1 / rate)
    low, high = (int(np.searchsorted(bins, each)) for each in _PEAK_TUNING)
    total = 0j
    for block in magnitudes(mono, size, size // 2):
        level = np.log(block[:, low - 1 : high + 1] + 1e-9)
        middle, left, right = level[:, 1:-1], level[:, :-2], level[:, 2:]
        row, column = np.nonzero((middle > left) & (middle >= right) & (middle > middle.max(axis=1, keepdims=True) - 4))
        bend = left[row, column] - 2 * middle[row, column] + right[row, column]
        offset = 0.5 * (left[row, column] - right[row, column]) / np.minimum(bend, -1e-6)
        pitch = 12 * np.log2((low + column + offset) * rate / size / 440)
        total += complex((np.exp(middle[row, column]) * np.exp(2j * np.pi * pitch)).sum())
        tick()
    return float(np.angle(total) / (2 * np.pi)) if abs(total) > 1e-9 else 0.0


def _bands(mono: FloatArray, rate: float, hop: int, tuning: float, tick: Tick) -> FloatArray:
    """Amplitudes of thirds of semitones: [hops, semitones * PER_SEMITONE]."""
    count = -(-len(mono) // hop)
    pitches = LOWEST + (np.arange((HIGHEST - LOWEST + 1) * PER_SEMITONE) + 0.5) / PER_SEMITONE - 0.5
    result = np.zeros((count, len(pitches)), np.float32)
    for seconds, inside in ((_BASS_SECONDS, pitches < _BASS_BELOW), (_TREBLE_SECONDS, pitches >= _BASS_BELOW)):
        bank = _pitch_bank(pitches[inside] + tuning, power_of_two(seconds, rate), rate)
        columns = np.flatnonzero(inside)
        filled = 0
        for block in magnitudes(mono, power_of_two(seconds, rate), hop):
            result[filled : filled + len(block), columns[0] : columns[-1] + 1] = np.sqrt(np.square(block) @ bank)
            filled += len(block)
            tick()
    return result


def _pitch_bank(pitches: DoubleArray, size: int, rate: float) -> FloatArray:
    """Gaussian bands a third of a semitone wide, never narrower than the window resolves: [size / 2 + 1, bands]."""
    bins = np.fft.rfftfreq(size, 1 / rate)
    centres = 440 * 2 ** ((pitches - 69) / 12)
    width = np.maximum(centres * (2 ** (0.5 / 12) - 1) / PER_SEMITONE * 1.5, 0.6 * rate / size)
    bank = np.exp(-0.5 * ((bins[:, None] - centres) / width) ** 2)
    bank *= (centres < 0.45 * rate) & (bins[:, None] > 20)
    return np.asarray(bank, np.float32)
