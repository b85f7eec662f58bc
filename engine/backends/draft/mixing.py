"""The mixing desk: effects, pan, level, ducking and reverb a stem, then one gain curve over all.

The same curve for every stem is what makes them add up to the mix.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from engine.audio import FloatArray
from engine.backends.draft.inserts import EFFECTS, apply
from engine.backends.draft.loudness import GATE_SECONDS, PEAK_SECONDS, gate_powers, integrated, peak_blocks
from engine.backends.draft.score import Part, Score
from engine.backends.draft.stylebook import DRUM_NOTES
from engine.backends.draft.synth import add

TARGET_LUFS = -16.0
CEILING_DBTP = -1.3
"""A little under the promised -1 dBTP: gain curves move peaks between samples."""
MOST_GAIN_DB = 40.0
LOOKAHEAD_BLOCKS = 16
"""Milliseconds that the limiter sees ahead and holds after a peak."""
END_FADE_SECONDS = 0.02
DUCK_SECONDS = (0.012, 0.22)
"""Fall and return of a ducked part."""
PREDELAY_SECONDS = 0.012
REVERB_HZ = (250.0, 6500.0)
_ROUNDS = 6
_CHUNK_SECONDS = 4.0
Report = Callable[[float], None]


def mix(
    stems: dict[str, FloatArray], score: Score, rate: int, *, loop: bool, report: Report
) -> tuple[dict[str, FloatArray], FloatArray]:
    """Mix dry stems (float32 [2, frames], changed in place): what each is in the mix, and their sum.

    The mix has -16 LUFS, and no true peak over -1 dBFS. With `loop` tails and gains run from the end into the start.
    """
    response = impulse_response(score.room, rate)
    frames = next(iter(stems.values())).shape[1]
    for place, part in enumerate(score.parts):
        report(place / len(score.parts) * 0.6)
        if part.instrument in EFFECTS:
            apply(stems[part.name], EFFECTS[part.instrument], rate, loop=loop)
        _set_strip(stems[part.name], part, score, rate, loop=loop)
        if part.send:
            _add_reverb(stems[part.name], part.send, response, rate, loop=loop, report=report)
    mixed = np.zeros((2, frames), np.float32)
    for stem in stems.values():
        report(0.6)
        mixed += stem
    gain = master_gain(mixed, rate, loop=loop, report=lambda part: report(0.6 + 0.35 * part))
    if not loop:
        fade = min(frames, max(1, round(END_FADE_SECONDS * rate)))
        gain[frames - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    mixed[:] = 0
    for stem in stems.values():
        report(0.95)
        np.multiply(stem, gain, out=stem)
        mixed += stem
    return stems, mixed


def _set_strip(stem: FloatArray, part: Part, score: Score, rate: int, *, loop: bool) -> None:
    angle = (part.pan + 1) * np.pi / 4
    sides = np.sqrt(2) * np.array([np.cos(angle), np.sin(angle)]) * 10 ** (part.level / 20)
    curve = sides.astype(np.float32)[:, None]
    if part.duck:
        curve = curve * (1 - np.float32(part.duck) * ducking(score, stem.shape[1], rate, loop=loop))
    np.multiply(stem, curve, out=stem)


def ducking(score: Score, frames: int, rate: int, *, loop: bool) -> FloatArray:
    """How far the kick pushes: float32 [frames], 1 at each kick, back to 0 before long."""
    fall, back = (max(1, round(seconds * rate)) for seconds in DUCK_SECONDS)
    # It falls ahead of the kick, so that nothing is left to click when the kick comes.
    shape = np.concatenate([np.linspace(0, 1, fall, endpoint=False), np.linspace(1, 0, back) ** 2]).astype(np.float32)
    depth = np.zeros((1, frames), np.float32)
    kicks = [
        note for part in score.parts if part.name == "drums" for note in part.notes if note.pitch == DRUM_NOTES["kick"]
    ]
    for note in kicks:
        start = round(score.seconds_at(note.start) * rate) - fall
        if start < 0 and not loop:
            add(depth, shape[None, -start:], 0, loop=False)
        else:
            add(depth, shape[None, :], start, loop=loop)
    return np.asarray(np.minimum(depth[0], 1.0), dtype=np.float32)


def impulse_response(seconds: float, rate: int) -> FloatArray:
    """A room of unit energy: two channels of noise that fall 60 dB in `seconds`, band-passed; float32 [2, frames]."""
    frames = max(8, round((PREDELAY_SECONDS + seconds) * rate))
    begin = round(PREDELAY_SECONDS * rate)
    time = np.arange(frames - begin) / rate
    response = np.zeros((2, frames))
    noise = np.random.default_rng(1770).standard_normal((2, frames - begin))
    response[:, begin:] = noise * np.exp(-6.9 * time / seconds) * np.minimum(time / 0.004, 1.0)
    frequency = np.maximum(fft.rfftfreq(frames, 1 / rate), 1.0)
    low, high = REVERB_HZ
    shape = 1 / (1 + (low / frequency) ** 4) / (1 + (frequency / high) ** 2)
    response = fft.irfft(fft.rfft(response, axis=1) * shape, n=frames, axis=1)
    response *= np.minimum((frames - np.arange(frames)) / (0.05 * rate + 1), 1.0)
    return np.asarray(response / np.sqrt(np.sum(response**2, axis=1, keepdims=True)), dtype=np.float32)


def _add_reverb(stem: FloatArray, send: float, response: FloatArray, rate: int, *, loop: bool, report: Report) -> None:
    """Convolve the stem's mid with the room, in chunks, and add it in place."""
    frames = stem.shape[1]
    mid = (stem[0] + stem[1]) * np.float32(0.5 * send)
    size = fft.next_fast_len(response.shape[1] + round(_CHUNK_SECONDS * rate), real=True)
    chunk = size - response.shape[1] + 1
    spectrum = fft.rfft(response, n=size, axis=1)
    for first in range(0, frames, chunk):
        report(0.0)
        dry = mid[first : first + chunk]
        if dry.any():
            wet = fft.irfft(fft.rfft(dry, n=size)[None, :] * spectrum, n=size, axis=1)
            add(stem, wet[:, : len(dry) + response.shape[1] - 1], first, loop=loop)


def master_gain(mixed: FloatArray, rate: int, *, loop: bool, report: Report) -> FloatArray:
    """The gain curve that brings a mix to the target: float32 [frames].

    Loudness is read from blocks weighted by the curve, so each round of the search costs next to nothing.
    """
    powers = gate_powers(mixed, rate, lambda part: report(part * 0.5))
    peaks = peak_blocks(mixed, rate, lambda part: report(0.5 + part * 0.5))
    gain = 10 ** (min(TARGET_LUFS - integrated(powers), MOST_GAIN_DB) / 20)
    curve = _limited(peaks, gain, 10 ** (CEILING_DBTP / 20), loop=loop)
    for _ in range(_ROUNDS):
        correction = TARGET_LUFS - integrated(powers * _in_gates(curve, len(powers)) ** 2)
        gain = min(gain * 10 ** (correction / 20), 10 ** (MOST_GAIN_DB / 20))
        curve = _limited(peaks, gain, 10 ** (CEILING_DBTP / 20), loop=loop)
        report(1.0)
    return _between_blocks(curve, max(1, round(PEAK_SECONDS * rate)), mixed.shape[1], loop=loop)


def held_under(samples: FloatArray, ceiling: float, rate: int) -> FloatArray:
    """[channels, frames] turned down, smoothly, wherever a true peak would pass an amplitude."""
    curve = _limited(peak_blocks(samples, rate, lambda _: None), 1.0, ceiling, loop=False)
    block = max(1, round(PEAK_SECONDS * rate))
    return samples * _between_blocks(curve, block, samples.shape[1], loop=False)


def _between_blocks(curve: npt.NDArray[np.float64], block: int, frames: int, *, loop: bool) -> FloatArray:
    """From a value a block to straight lines from block edge to block edge: float32 [frames]."""
    padded = np.pad(curve, 1, mode="wrap" if loop else "edge")
    edges = ((padded[:-1] + padded[1:]) / 2).astype(np.float32)
    ramp = (np.arange(block) / block).astype(np.float32)
    return np.asarray(edges[:-1, None] + np.diff(edges)[:, None] * ramp, dtype=np.float32).ravel()[:frames]


def _limited(peaks: npt.NDArray[np.float64], gain: float, ceiling: float, *, loop: bool) -> npt.NDArray[np.float64]:
    """Gain for each block of a millisecond: `gain`, less wherever a peak would pass the ceiling, and smooth."""
    needed = np.minimum(gain, ceiling / (peaks + 1e-12))
    edge = "wrap" if loop else "nearest"
    # The mean reaches two blocks less far than the minimum, so that no block between two means passes the ceiling.
    held = minimum_filter1d(needed, 2 * LOOKAHEAD_BLOCKS + 1, mode=edge)
    return np.asarray(uniform_filter1d(held, 2 * (LOOKAHEAD_BLOCKS - 2) + 1, mode=edge))


def _in_gates(curve: npt.NDArray[np.float64], gates: int) -> npt.NDArray[np.float64]:
    """The curve's RMS in each block of the loudness measure."""
    size = round(GATE_SECONDS / PEAK_SECONDS)
    starts = np.minimum(np.arange(gates) * size, len(curve) - 1)
    return np.asarray(np.sqrt(np.add.reduceat(curve**2, starts) / np.diff(np.append(starts, len(curve)))))
