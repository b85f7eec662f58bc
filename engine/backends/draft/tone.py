"""Pitched notes from wavetables whose harmonics end below the Nyquist frequency: right at every sample rate.

A note is a row of single periods, each with its own harmonics, read with a running phase and faded from row to row.
The losses of a plucked string (Karplus & Strong 1983) are put in as a decay for each harmonic, which keeps it in tune
at any rate.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft

from engine.audio import FloatArray
from engine.backends.draft.timbres import Timbre

MIDDLE_C = 261.6256
HIGHEST_HARMONIC = 96
HIGHEST_HZ = 16000.0
NYQUIST_SHARE = 0.45
"""Harmonics end here, as a share of the sample rate: room for vibrato and detuning."""
ROW_SECONDS = 0.01
MOST_ROWS = 256
LONGEST_SECONDS = 10.0
LEVEL = 0.12
"""RMS of a note at full velocity, before the mix."""
VIBRATO_HZ = 5.4


def hertz(pitch: float) -> float:
    """MIDI note to frequency, A4 = 440 Hz."""
    return float(440.0 * 2 ** ((pitch - 69) / 12))


def tone(
    timbre: Timbre, pitch: int, velocity: float, seconds: float, rate: int, tick: Callable[[], None]
) -> FloatArray:
    """A note held for `seconds` and then released: float32 [1 or 2, frames], starting and ending at zero.

    `tick` is called between the unison voices of a note.
    """
    pitch_hz = hertz(pitch)
    held = min(seconds, LONGEST_SECONDS)
    frames = max(2, round((max(held, timbre.attack) + timbre.release) * rate))
    tables, row_seconds = _tables(timbre, pitch_hz, velocity, frames / rate, rate)
    time = np.arange(frames, dtype=np.float64) / rate
    row = (time / row_seconds).astype(np.float32)
    voices = []
    for cents in timbre.detune:
        voices.append(_read(tables, _phase(timbre, pitch_hz, cents, time), row))
        tick()
    sound = _spread(voices)
    if timbre.noise[0]:
        sound = sound + _noise(timbre, pitch, frames, rate)
    sound *= _envelope(timbre, frames, rate) * np.float32(LEVEL * 10 ** (timbre.gain / 20) * velocity**1.4)
    return sound


def _tables(timbre: Timbre, pitch_hz: float, velocity: float, seconds: float, rate: int) -> tuple[FloatArray, float]:
    """Single periods, float32 [rows, points + 1], at unit RMS in their loudest row; and the seconds from row to row."""
    row_seconds = max(ROW_SECONDS, seconds / MOST_ROWS)
    age: npt.NDArray[np.float64] = np.arange(int(seconds / row_seconds) + 2, dtype=np.float64)[:, None] * row_seconds
    count = min(HIGHEST_HARMONIC, int(min(NYQUIST_SHARE * rate, HIGHEST_HZ) / pitch_hz))
    if count < 1:
        return np.zeros((len(age), 3), np.float32), row_seconds
    harmonics = np.arange(1, count + 1, dtype=np.float64)
    points = int(2 ** np.ceil(np.log2(max(128, 16 * count))))
    spectrum = np.zeros((len(age), count + 1), np.complex64)
    spectrum[:, 1:] = -0.5j * points * _amplitudes(timbre, harmonics, age, pitch_hz, velocity)
    rows = fft.irfft(spectrum, n=points, axis=1)
    if timbre.modulation[0]:
        rows = _bent(timbre, rows, age, velocity)
        bent = fft.rfft(rows, axis=1)
        bent[:, 0] = 0
        bent[:, count + 1 :] = 0
        rows = fft.irfft(bent, n=points, axis=1)
    rows /= np.sqrt(np.mean(rows * rows, axis=1).max()) + 1e-12
    rows *= np.exp(-timbre.fade * (pitch_hz / MIDDLE_C) ** 0.6 * age)
    return np.concatenate([rows, rows[:, :1]], axis=1).astype(np.float32), row_seconds


def _amplitudes(
    timbre: Timbre, harmonics: npt.NDArray[np.float64], age: npt.NDArray[np.float64], pitch_hz: float, velocity: float
) -> npt.NDArray[np.float64]:
    first, last = timbre.cutoff
    # Soft notes are darker, and high notes brighter in Hz but not in harmonics.
    scale = (0.35 + 0.65 * velocity) * (pitch_hz / MIDDLE_C) ** timbre.tracking
    cutoff = (last + (first - last) * np.exp(-age / timbre.sweep)) * scale
    loss = np.exp(-timbre.damping * age * (harmonics * pitch_hz / 1000))
    return np.asarray(timbre.profile(harmonics) * loss / (1 + (harmonics * pitch_hz / cutoff) ** 2))


def _bent(
    timbre: Timbre, rows: npt.NDArray[np.float64], age: npt.NDArray[np.float64], velocity: float
) -> npt.NDArray[np.float64]:
    start, end, seconds = timbre.modulation
    index = (end + (start - end) * np.exp(-age / seconds)) * velocity
    angle = 2 * np.pi * np.arange(rows.shape[1]) / rows.shape[1]
    # The table already holds the tine's overtones; the modulated carrier takes the place of its fundamental.
    return np.asarray(rows + np.sin(angle + index * np.sin(angle)) - np.sin(angle))


def _phase(timbre: Timbre, pitch_hz: float, cents: float, time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Cycles since the start; unison voices start a little apart, not so far that they cancel."""
    frequency = pitch_hz * 2 ** (cents / 1200)
    offset = cents * 0.02
    if not timbre.vibrato:
        return frequency * time + offset
    depth = frequency * (2 ** (timbre.vibrato / 1200) - 1) / (2 * np.pi * VIBRATO_HZ)
    angle = (2 * np.pi * VIBRATO_HZ * time + cents).astype(np.float32)
    sway = np.float32(depth) * np.minimum(time / 0.5, 1.0).astype(np.float32) * np.sin(angle)
    return frequency * time + (sway + np.float32(offset))


def _read(tables: FloatArray, phase: npt.NDArray[np.float64], row: FloatArray) -> FloatArray:
    """Bilinear reading of the rows at phases in cycles and at places between rows: float32 [frames]."""
    points = tables.shape[1] - 1
    phase -= np.floor(phase)
    column = phase.astype(np.float32) * np.float32(points)
    left = np.minimum(column.astype(np.int32), points - 1)
    across = column - left.astype(np.float32)
    upper = row.astype(np.int32)
    down = row - upper.astype(np.float32)
    flat = tables.ravel()
    left += upper * np.int32(points + 1)
    now = _between(flat, left, across)
    left += np.int32(points + 1)
    now += (_between(flat, left, across) - now) * down
    return now


def _between(flat: FloatArray, left: npt.NDArray[np.int32], across: FloatArray) -> FloatArray:
    value = flat.take(left)
    value += (flat.take(left + np.int32(1)) - value) * across
    return value


def _spread(voices: list[FloatArray]) -> FloatArray:
    """Unison voices from left to right, at the level of one."""
    if len(voices) == 1:
        return voices[0][None, :]
    angles = np.linspace(0.15, 0.85, len(voices)) * np.pi / 2
    left = sum(np.float32(np.cos(angle)) * voice for angle, voice in zip(angles, voices, strict=True))
    right = sum(np.float32(np.sin(angle)) * voice for angle, voice in zip(angles, voices, strict=True))
    return np.stack([left, right]).astype(np.float32) * np.float32(np.sqrt(2 / len(voices)))


def _noise(timbre: Timbre, pitch: int, frames: int, rate: int) -> FloatArray:
    """A burst around one frequency: float32 [1, frames]."""
    level, seconds, centre = timbre.noise
    count = min(frames, round(seconds * 8 * rate))
    # Noise that is shaped in the frequency domain repeats without a seam, so a second of it is enough.
    size = int(fft.next_fast_len(min(count, rate), real=True))
    spectrum = fft.rfft(np.random.default_rng(pitch).standard_normal(size, dtype=np.float32))
    ratio = np.maximum(fft.rfftfreq(size, 1 / rate), 1.0) / centre
    spectrum *= (1 / (1 + (ratio - 1 / ratio) ** 2)).astype(np.float32)
    hiss = fft.irfft(spectrum, n=size)
    hiss /= np.sqrt(np.mean(hiss * hiss)) + 1e-12
    time = np.arange(count, dtype=np.float32) / np.float32(rate)
    sound = np.zeros((1, frames), np.float32)
    sound[0, :count] = np.resize(hiss, count) * (level * np.exp(-time / np.float32(seconds)))
    return sound


def _envelope(timbre: Timbre, frames: int, rate: int) -> FloatArray:
    envelope = np.ones(frames, np.float32)
    rise = min(frames // 2, max(2, round(timbre.attack * rate)))
    fall = min(frames - rise, max(2, round(timbre.release * rate)))
    envelope[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    envelope[frames - fall :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    return envelope
