"""Effects that vary a stem as mixing desks and producers do: float32 [2, frames] in, the same shape out."""

from collections.abc import Callable

import numpy as np
from scipy import signal

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.mixing import impulse_response

Effect = Callable[[FloatArray, int, np.random.Generator], FloatArray]


def level(samples: FloatArray) -> float:
    """Root mean square, never zero."""
    return float(np.sqrt(np.mean(np.square(samples), dtype=np.float64))) + 1e-9


def drive(samples: FloatArray, _: int, rng: np.random.Generator) -> FloatArray:
    """Soft or hard clipping."""
    pushed = samples / level(samples) * rng.uniform(0.3, 3.0)
    shaped = np.tanh(pushed + 0.3 * rng.random()) if rng.random() < 0.7 else np.clip(pushed, -1, 1)
    return np.asarray(shaped - shaped.mean(axis=1, keepdims=True), np.float32)


def equalise(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """One to three bells, and at times a high or low pass."""
    for _ in range(rng.integers(1, 4)):
        hertz, quality, gain = 60 * 2 ** rng.uniform(0, 7), rng.uniform(0.4, 3.0), 10 ** (rng.uniform(-12, 12) / 40)
        turn = 2 * np.pi * min(hertz, 0.45 * rate) / rate
        alpha = np.sin(turn) / (2 * quality)
        above = [1 + alpha * gain, -2 * np.cos(turn), 1 - alpha * gain]
        below = [1 + alpha / gain, -2 * np.cos(turn), 1 - alpha / gain]
        samples = signal.lfilter(above, below, samples, axis=1)
    if rng.random() < 0.3:
        corner, kind = (
            (80 * 2 ** rng.uniform(0, 2), "highpass")
            if rng.random() < 0.4
            else (800 * 2 ** rng.uniform(0, 3.5), "lowpass")
        )
        samples = signal.sosfilt(signal.butter(2, corner, kind, fs=rate, output="sos"), samples, axis=1)
    return np.asarray(samples, np.float32)


def chorus(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """A copy at a slowly moving delay, opposite in the two channels: chorus, or a flanger when it is short."""
    frames = samples.shape[1]
    time = np.arange(frames)
    depth, base = rng.uniform(0.0005, 0.006), rng.uniform(0.001, 0.02)
    wave = np.sin(2 * np.pi * rng.uniform(0.1, 2.0) * time / rate)
    moved = [
        np.interp(time - rate * (base + depth * (1 + side * wave)), time, channel)
        for side, channel in zip((1, -1), samples, strict=True)
    ]
    return np.asarray(samples + rng.uniform(0.4, 1.0) * np.stack(moved), np.float32)


def reverb(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """A room of up to three seconds."""
    response = impulse_response(float(rng.uniform(0.2, 3.0)), rate)
    wet = np.stack([signal.fftconvolve(samples.mean(axis=0), side)[: samples.shape[1]] for side in response])
    return np.asarray(samples + rng.uniform(0.05, 0.5) * wet, np.float32)


def echo(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Echoes that bounce between the channels."""
    delay, feedback = round(rng.uniform(0.08, 0.5) * rate), rng.uniform(0.2, 0.5)
    result, copy = samples.copy(), samples
    for _ in range(4):
        copy = feedback * np.pad(copy[::-1], ((0, 0), (delay, 0)))[:, : samples.shape[1]]
        result += copy
    return np.asarray(result, np.float32)


def compress(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """Gain that falls with the level of the last few to some hundred milliseconds."""
    pole = np.exp(-1 / (rng.uniform(0.005, 0.2) * rate))
    envelope = np.sqrt(np.maximum(signal.lfilter([1 - pole], [1, -pole], np.mean(samples**2, axis=0)), 1e-12))
    over = np.maximum(envelope / (level(samples) * rng.uniform(0.3, 1.5)), 1)
    return np.asarray(samples * over ** -rng.uniform(0.3, 0.9), np.float32)


def detune(samples: FloatArray, _: int, rng: np.random.Generator) -> FloatArray:
    """A little higher or lower, as a tape would; the end is repeated from the start where it runs out."""
    frames = samples.shape[1]
    at = np.arange(frames) * 2 ** (rng.uniform(-0.7, 0.7) / 12) % (frames - 1)
    return np.stack([np.interp(at, np.arange(frames), channel) for channel in samples]).astype(np.float32)


def place(samples: FloatArray, _: int, rng: np.random.Generator) -> FloatArray:
    """Narrow or wide, to the left or to the right."""
    mid, side = samples.mean(axis=0), (samples[0] - samples[1]) / 2
    side = side * rng.choice([0.0, 0.5, 1.0, 1.3])
    pan = rng.normal(0, 0.25)
    return np.stack([(mid + side) * min(1, 1 - pan), (mid - side) * min(1, 1 + pan)]).astype(np.float32)


def sweep(samples: FloatArray, rate: int, rng: np.random.Generator) -> FloatArray:
    """A low pass whose corner rises or falls over the whole clip, as in electronic music."""
    dull = signal.sosfilt(signal.butter(2, rng.uniform(200, 900), "lowpass", fs=rate, output="sos"), samples, axis=1)
    begin, end = rng.permutation([0.0, 1.0])
    share = np.linspace(float(begin), float(end), samples.shape[1])
    return np.asarray(share * samples + (1 - share) * dull, np.float32)


CHANCES: dict[str, tuple[tuple[Effect, float], ...]] = {
    "drums": ((drive, 0.2), (compress, 0.35), (equalise, 0.6), (echo, 0.04), (reverb, 0.3), (detune, 0.4), (place, 0.4)),
    "bass": ((drive, 0.3), (compress, 0.3), (equalise, 0.5), (chorus, 0.15), (reverb, 0.08), (detune, 0.4)),
    "other": (
        (drive, 0.2), (compress, 0.15), (equalise, 0.5), (chorus, 0.3), (sweep, 0.1), (echo, 0.2), (reverb, 0.4),
        (detune, 0.4), (place, 0.6),
    ),
}  # fmt: skip
"""How likely each stem goes through each effect, in this order."""


def treated(samples: FloatArray, stem: str, rate: int, rng: np.random.Generator) -> FloatArray:
    """Send a part through its stem's effects by chance and set it to a level of 0.1."""
    for effect, chance in CHANCES[stem]:
        if rng.random() < chance and samples.any():
            samples = effect(samples, rate, rng)
    return np.asarray(samples * (0.1 / level(samples)), np.float32) if samples.any() else samples
