"""Basses and kicks of electronic music for training: lines the arranger does not write, on synthesizers and samplers.

A kick and a bass that share a pitch, short plucked basses that could be drums and long kicks that could be basses are
what a separator confuses most; here they are common.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import signal

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.score import Note
from engine.backends.draft.separator.training.effects import level
from engine.backends.draft.tone import hertz

BAR = 16
"""Steps of a bar; a step is a quarter of a beat."""
KICKS = (
    (0, 4, 8, 12), (0, 4, 8, 12), (0, 8), (0, 10), (0, 6, 10), (0, 3, 6, 10), (0, 7, 8, 10), (0, 2, 10, 11), (0,),
)  # fmt: skip
BACKBEATS = ((4, 12), (4, 12), (8,), (4, 12, 15), (3, 6, 12), ())
HATS = ((2, 6, 10, 14), tuple(range(0, 16, 2)), tuple(range(16)), (2, 5, 10, 13), ())
SHAPES = ("sine", "sine", "triangle", "saw", "square", "pulse", "detuned", "frequency modulation")

Curve = npt.NDArray[np.float64]
"""One value a frame."""


def bass_notes(beats: float, root: int, kick: Sequence[int], rng: np.random.Generator) -> list[Note]:
    """A line of one or two bars over four roots: between the kicks, on a grid, as a riff, or held."""
    way = rng.choice(["between", "grid", "riff", "riff", "held"])
    bars = int(rng.integers(1, 3))
    if way == "between":
        steps = [step for step in range(BAR * bars) if step % BAR not in kick and (step % 2 == 0 or rng.random() < 0.4)]
    elif way == "grid":
        steps = list(range(0, BAR * bars, int(rng.choice([1, 2, 2, 4]))))
    elif way == "riff":
        steps = [step for step in range(BAR * bars) if step == 0 or rng.random() < rng.choice([0.2, 0.35, 0.5])]
    else:
        steps = list(range(0, BAR * bars, int(rng.choice([8, 16]))))
    leaps = rng.choice([0, 0, 0, 12, 7, -5, 3, 10, -2], BAR * bars) * (rng.random() < 0.7)
    chords = rng.choice([0, 0, 3, 5, 7, -2, -4, -5], 4)
    gate, thin = rng.choice([rng.uniform(0.15, 0.5), rng.uniform(0.5, 1.05)]), rng.choice([0.0, 0.0, 0.15])
    notes = []
    for bar in range(0, int(beats / 4) + 1, bars):
        for step, after in zip(steps, [*steps[1:], BAR * bars], strict=True):
            if rng.random() >= thin:
                pitch = root + int(chords[(bar + step // BAR) % 4] + leaps[step])
                length = (after - step) / 4 * gate
                notes.append(Note(4 * bar + step / 4, max(0.1, length), pitch, float(rng.choice([0.6, 0.8, 1.0]))))
    return [note for note in notes if note.start < beats]


def kick_notes(beats: float, kick: Sequence[int]) -> list[Note]:
    """The kick in every bar."""
    return [Note(4 * bar + step / 4, 0.5, 36, 1.0) for bar in range(int(beats / 4) + 1) for step in kick]


def kit_notes(beats: float, rng: np.random.Generator) -> list[Note]:
    """Snares or claps, hats and now and then percussion in every bar, some hits softer."""
    hits = [(step, int(rng.choice([38, 39, 40]))) for step in BACKBEATS[rng.integers(len(BACKBEATS))]]
    hits += [(step, 42) for step in HATS[rng.integers(len(HATS))]]
    hits += [(int(step), int(rng.choice([46, 54, 47, 70]))) for step in rng.integers(0, BAR, rng.integers(0, 4))]
    return [
        Note(4 * bar + step / 4, 0.25, pitch, float(rng.choice([0.5, 0.8, 1.0])))
        for bar in range(int(beats / 4) + 1)
        for step, pitch in hits
    ]


def sampled(
    sample: FloatArray, base: int, rate: int, rng: np.random.Generator
) -> Callable[[int, float, float], FloatArray]:
    """What plays a recorded note [2, frames] at other pitches, by speed: to its end or while held, at times damped.

    It takes pitch, velocity and seconds, and gives samples [2, frames].
    """
    rings, fade = rng.random() < 0.4, round(0.005 * rate)
    damped = rng.choice([0.0, 1 / (0.04 * 2 ** rng.uniform(0, 3.5))])

    def sound(pitch: int, velocity: float, seconds: float) -> FloatArray:
        speed = 2 ** ((pitch - base) / 12)
        count = int((sample.shape[1] - 1) / speed)
        at = np.arange(count if rings else min(count, round(seconds * rate) + fade)) * speed
        note = np.stack([np.interp(at, np.arange(sample.shape[1]), side) for side in sample])
        note *= np.exp(-damped * np.arange(len(at)) / rate)
        note[:, len(at) - fade :] *= np.linspace(1, 0, min(fade, len(at)))
        return np.asarray(note * velocity, np.float32)

    return sound


def synth_line(notes: Sequence[Note], beat: float, frames: int, rate: int, rng: np.random.Generator) -> FloatArray:
    """Play notes on a synthesizer of one voice with its knobs turned by chance: float32 [2, frames]."""
    attack, decay, release = 0.002 * 2 ** rng.uniform(0, 4), 0.03 * 2 ** rng.uniform(0, 5), rng.uniform(0.005, 0.12)
    held, closing = rng.choice([0.0, 0.0, 0.3, 0.8, 1.0]), 0.03 * 2 ** rng.uniform(0, 4)
    pitch, loud, opened = np.full(frames, 40.0), np.zeros(frames), np.zeros(frames)
    starts = [round(note.start * beat * rate) for note in notes]
    for note, start, after in zip(notes, starts, [*starts[1:], frames], strict=True):
        time = np.arange(max(0, min(after, frames) - start)) / rate
        pitch[start:] = note.pitch
        shape = (1 - np.exp(-time / attack)) * (held + (1 - held) * np.exp(-time / decay))
        shape *= np.exp(-np.maximum(time - note.length * beat, 0) / release) * note.velocity
        # One voice: the end of a note gives way to the next.
        fade = min(len(shape), round(0.003 * rate))
        shape[len(shape) - fade :] *= np.linspace(1, 0, fade)
        loud[start : start + len(time)], opened[start : start + len(time)] = shape, np.exp(-time / closing)
    if rng.random() < 0.35:
        pole = np.exp(-1 / (rate * rng.uniform(0.01, 0.12)))
        pitch = signal.lfilter([1 - pole], [1, -pole], pitch - pitch[0]) + pitch[0]
    turns = np.cumsum(440 * 2 ** ((pitch - 69) / 12)) / rate
    if rng.random() < 0.25:
        opened = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frames) / rate / (beat * rng.choice([1, 0.5, 1 / 3, 0.25])))
    elif rng.random() < 0.3:
        opened = np.full(frames, rng.random())
    wave = _oscillator(turns, opened, rng)
    wave += rng.choice([0.0, rng.uniform(0.2, 1.0)]) * np.sin(2 * np.pi * turns * rng.choice([1, 0.5]))
    corner = 80 * 2 ** rng.uniform(0, 3)
    dull, bright = (
        signal.sosfilt(signal.butter(2, each, fs=rate, output="sos"), wave)
        for each in (corner, min(0.4 * rate, corner * 2 ** rng.uniform(0.5, 5)))
    )
    line = (dull + opened * (bright - dull)) * loud
    if rng.random() < 0.4:
        line = np.tanh(line / level(line.astype(np.float32)) * rng.uniform(0.3, 2))
    return np.repeat(np.asarray(line, np.float32)[None], 2, axis=0)


def _oscillator(turns: Curve, opened: Curve, rng: np.random.Generator) -> Curve:
    """A wave of one shape by chance, for the count of turns so far. Aliases are left in, as in old synthesizers."""
    shape = rng.choice(SHAPES)
    if shape == "sine":
        return np.sin(2 * np.pi * turns)
    if shape == "triangle":
        return 4 * np.abs(turns % 1 - 0.5) - 1
    if shape == "saw":
        return 2 * (turns % 1) - 1
    if shape in {"square", "pulse"}:
        width = 0.5 if shape == "square" else rng.uniform(0.08, 0.4)
        return np.where(turns % 1 < width, 1.0, -1.0) - (2 * width - 1)
    if shape == "detuned":
        apart = rng.uniform(0.001, 0.012, int(rng.integers(2, 5))) * rng.choice([-1, 1])
        return np.asarray(np.mean([2 * ((turns * (1 + each) + rng.random()) % 1) - 1 for each in apart], axis=0))
    depth, ratio = rng.uniform(0.3, 5), float(rng.choice([0.5, 1, 1, 2, 3]))
    return np.sin(2 * np.pi * turns + depth * opened * np.sin(2 * np.pi * ratio * turns))


def settled_hertz(root: int, rng: np.random.Generator) -> float:
    """Where a kick comes to rest: at times on the bass's own root, in the octave of kicks."""
    if rng.random() < 0.5:
        return float(rng.uniform(36, 75))
    tuned = hertz(root)
    while tuned > 75:
        tuned /= 2
    return max(36.0, tuned)
