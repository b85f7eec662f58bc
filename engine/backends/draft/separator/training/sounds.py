"""Where training notes get their sound: soundfonts, the house's own synthesizer with dice for knobs, recorded one-shots."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import fluidsynth
import numpy as np
import soundfile
import soxr

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.drumkit import KITS, drum
from engine.backends.draft.score import Note
from engine.backends.draft.synth import add
from engine.backends.draft.timbres import TIMBRES, Timbre
from engine.backends.draft.tone import tone

Sound = Callable[[int, float, float], FloatArray]
"""Pitch, velocity and seconds to the samples of one note [1 or 2, frames]."""
BASS_PROGRAMS = (*range(32, 40), *range(32, 40), 42, 43, 57, 58, 70, 80, 81, 87)
OTHER_PROGRAMS = tuple(program for program in range(112) if program not in range(32, 40))
DRUM_PRESETS = (0, 8, 16, 24, 25, 32, 40)
LANES = {
    "kick": (35, 36), "snare": (37, 38, 39, 40), "tom": (41, 43, 45, 47, 48, 50), "hat": (42, 44), "open": (46,),
    "cymbal": (49, 51, 52, 53, 55, 57, 59), "percussion": (54, 56, 70),
}  # fmt: skip
SAMPLES = {
    "kick": ("bd_", "drum_heavy_kick", "drum_bass_", "elec_hollow_kick", "elec_soft_kick"),
    "snare": ("sn_", "drum_snare_", "elec_snare", "elec_hi_snare", "elec_lo_snare", "elec_mid_snare",
              "elec_filt_snare", "perc_snap"),
    "tom": ("drum_tom_", "elec_fuzz_tom", "tabla_"),
    "hat": ("drum_cymbal_closed", "drum_cymbal_pedal", "elec_tick", "elec_wood"),
    "open": ("drum_cymbal_open", "elec_cymbal"),
    "cymbal": ("drum_cymbal_hard", "drum_cymbal_soft", "drum_splash_"),
    "percussion": ("drum_cowbell", "elec_triangle", "elec_bong", "perc_", "glitch_perc", "tabla_"),
}  # fmt: skip
LOOPS = (
    "loop_amen",
    "loop_electric",
    "loop_mehackit2",
    "loop_mika",
    "loop_perc1",
    "loop_perc2",
    "loop_safari",
    "loop_tabla",
)
"""Drum loops that are trained on; the others are kept for measuring."""


def played(notes: Sequence[Note], beat: float, frames: int, rate: int, sound: Sound) -> FloatArray:
    """Render notes (starts in beats of `beat` seconds) one by one: float32 [2, frames]."""
    stem, rendered = np.zeros((2, frames), np.float32), {}
    for note in notes:
        key = (note.pitch, round(note.velocity, 1), round(note.length * beat, 2))
        if key not in rendered:
            rendered[key] = sound(*key)
        add(stem, rendered[key], max(0, round(note.start * beat * rate)), loop=False)
    return stem


class Soundfont:
    """A General MIDI soundfont in FluidSynth, kept loaded."""

    def __init__(self, path: Path, rate: int) -> None:
        self._synth = fluidsynth.Synth(gain=0.3, samplerate=rate, **{"synth.dynamic-sample-loading": 1})
        self._font = self._synth.sfload(str(path))
        self._rate = rate

    def render(self, notes: Sequence[Note], beat: float, frames: int, bank: int, program: int) -> FloatArray:
        """Play notes on one program (bank 128: drums): float32 [2, frames]."""
        channel = 9 if bank else 0
        self._synth.system_reset()
        self._synth.program_select(channel, self._font, bank, program)
        events = []
        for note in notes:
            start = max(0, round(note.start * beat * self._rate))
            length = round(max(0.05, note.length * beat) * self._rate)
            events += [(start, 1, note), (start + length, 0, note)]
        pieces, now = [], 0
        for at, on, note in sorted(events, key=lambda event: event[:2]):
            if at >= frames:
                break
            if at > now:
                pieces.append(self._synth.get_samples(at - now))
                now = at
            if on:
                self._synth.noteon(channel, note.pitch, max(1, min(127, round(127 * note.velocity))))
            else:
                self._synth.noteoff(channel, note.pitch)
        pieces.append(self._synth.get_samples(frames - now))
        return np.asarray(np.concatenate(pieces).reshape(-1, 2).T / 32768, np.float32)


def dice_timbre(rng: np.random.Generator, *, low: bool) -> Timbre:
    """A timbre of the house with every knob turned by chance."""
    names = [name for name in TIMBRES if ("bass" in name) == low] if rng.random() < 0.5 else list(TIMBRES)
    base = TIMBRES[str(rng.choice(names))]
    bright = 300 * 2 ** rng.uniform(0, 5)
    detune = (0.0,) if low and rng.random() < 0.6 else tuple(np.round(rng.normal(0, 12, rng.integers(1, 6)), 1))
    changes = {
        "attack": 0.002 * 2 ** rng.uniform(0, 7 if rng.random() < 0.3 else 3),
        "release": rng.uniform(0.02, 0.5),
        "fade": rng.choice([0.0, rng.uniform(0.5, 6)]),
        "cutoff": (bright * 2 ** rng.uniform(0, 3), bright),
        "sweep": rng.uniform(0.03, 0.8),
        "modulation": (rng.uniform(0, 4), rng.uniform(0, 2), rng.uniform(0.05, 0.8)),
        "detune": detune,
        "vibrato": rng.uniform(0, 20),
    }
    kept = {name: value for name, value in changes.items() if rng.random() < 0.5}
    return dataclasses.replace(base, **kept)


def dice_kit(rng: np.random.Generator, rate: int, settled: float | None = None) -> Sound:
    """A kit of the house with every knob turned by chance, from short clicks to long 808 kicks.

    `settled` is where the kick comes to rest, in Hz.
    """
    kit = dataclasses.replace(
        KITS[str(rng.choice(list(KITS)))],
        kick=(rng.uniform(90, 400), rng.uniform(38, 70), rng.uniform(0.01, 0.06), 0.08 * 2 ** rng.uniform(0, 2.5)),
        click=rng.uniform(0, 0.6),
        snare=(rng.uniform(130, 260), rng.uniform(0.1, 0.8), rng.uniform(0.05, 0.25), rng.uniform(1500, 5000)),
        hat=rng.uniform(0.012, 0.06),
        bright=rng.uniform(0.7, 1.3),
        level=rng.uniform(0.4, 1.6),
    )
    if settled is not None:
        kit = dataclasses.replace(kit, kick=(kit.kick[0], settled, *kit.kick[2:]))
    return lambda pitch, velocity, _: drum(kit, pitch, velocity, rate)


def dice_synth(rng: np.random.Generator, rate: int, *, low: bool) -> Sound:
    """The house's synthesizer with a timbre by chance."""
    timbre = dice_timbre(rng, low=low)
    return lambda pitch, velocity, seconds: tone(timbre, pitch, velocity, seconds, rate, lambda: None)


class Recorded:
    """Recorded one-shots and loops from a folder of FLAC files, read once."""

    def __init__(self, folder: Path, rate: int) -> None:
        self._files = {path.stem: path for path in sorted(folder.glob("*.flac"))}
        self._read: dict[str, FloatArray] = {}
        self._rate = rate

    def __getitem__(self, name: str) -> FloatArray:
        """Samples of a file by its stem: float32 [2, frames]."""
        if name not in self._read:
            samples, rate = soundfile.read(self._files[name], dtype="float32", always_2d=True)
            resampled = np.asarray(soxr.resample(samples, rate, self._rate).T, np.float32)
            self._read[name] = np.repeat(resampled, 2, axis=0) if len(resampled) == 1 else resampled
        return self._read[name]

    def bass(self, rng: np.random.Generator) -> FloatArray:
        """A recorded bass note: [2, frames]."""
        return self[str(rng.choice([name for name in self._files if name.startswith("bass_")]))]

    def kit(self, rng: np.random.Generator) -> Sound:
        """One sample a lane, each at a pitch and of a length by chance."""
        chosen: dict[str, FloatArray] = {}
        for lane, starts in SAMPLES.items():
            name = rng.choice([name for name in self._files if name.startswith(starts)])
            sample, pitch = self[name], 2 ** rng.uniform(-0.35, 0.35)
            at = np.arange(int(min((sample.shape[1] - 1) / pitch, self._rate * 1.5)))
            bent = np.stack([np.interp(at * pitch, np.arange(sample.shape[1]), side) for side in sample])
            gain = rng.uniform(0.4, 1.2) / (np.abs(bent).max() + 1e-9)
            chosen[lane] = (bent * gain * np.exp(-at * rng.choice([0, 4, 12]) / self._rate)).astype(np.float32)
        by_note = {note: chosen[lane] for lane, notes in LANES.items() for note in notes}
        return lambda pitch, velocity, _: by_note.get(pitch, chosen["percussion"]) * np.float32(velocity)

    def loop(self, rng: np.random.Generator, frames: int) -> FloatArray:
        """A drum loop at a speed by chance, cut into slices that are at times shuffled: [2, frames]."""
        loop = self[str(rng.choice(LOOPS))]
        speed = 2 ** rng.uniform(-0.4, 0.4)
        at = np.arange(int((loop.shape[1] - 1) / speed)) * speed
        bent = np.stack([np.interp(at, np.arange(loop.shape[1]), side) for side in loop]).astype(np.float32)
        slices = np.array_split(bent, 16, axis=1)
        order = np.arange(16) if rng.random() < 0.5 else rng.integers(0, 16, 16)
        return np.tile(np.concatenate([slices[index] for index in order], axis=1), -(-frames // bent.shape[1]) + 1)[
            :, :frames
        ]
