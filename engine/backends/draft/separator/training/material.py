"""Make training clips: notes of the house's arranger or of electronic lines, random sounds and effects, three stems each.

Run as `python -m engine.backends.draft.separator.training.material --help`. Every clip depends on its number only.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import soundfile
import soxr

from engine.analysis.spectrum import FloatArray
from engine.backends.draft.arranger import arrange
from engine.backends.draft.mixing import ducking
from engine.backends.draft.score import Note, Part, Score
from engine.backends.draft.separator.training.effects import level, treated
from engine.backends.draft.separator.training.electronic import (
    KICKS,
    bass_notes,
    kick_notes,
    kit_notes,
    sampled,
    settled_hertz,
    synth_line,
)
from engine.backends.draft.separator.training.sounds import (
    BASS_PROGRAMS,
    DRUM_PRESETS,
    OTHER_PROGRAMS,
    Recorded,
    Soundfont,
    dice_kit,
    dice_synth,
    played,
)
from engine.backends.draft.separator.training.voices import dice_long_kick, dice_resonant, dice_string, dice_sub
from engine.backends.draft.stylebook import load_styles
from engine.spec import RenderSpec

RATE = 22_050
SECONDS = 12.0
FRAMES = round(SECONDS * RATE)
PIECE_SECONDS = 32.0
STEMS = ("drums", "bass", "other")


@dataclass(frozen=True, slots=True)
class Library:
    """The sound sources."""

    fonts: tuple[Soundfont, ...]
    recorded: Recorded
    guitars: tuple[Path, ...] = ()


def clip(number: int, library: Library) -> FloatArray:
    """Stems drums, bass, other of one clip, each at a level near 0.1: float32 [3, 2, frames] at 22.05 kHz."""
    rng = np.random.default_rng([1770, number])
    score = _arranged(number, rng)
    beat = score.seconds_per_beat * 2 ** rng.uniform(-0.25, 0.25)
    first = rng.uniform(0, max(0.0, PIECE_SECONDS - SECONDS)) / score.seconds_per_beat
    stems = dict.fromkeys(STEMS, np.zeros((2, FRAMES), np.float32))
    shift = int(rng.integers(-5, 6))
    for part in score.parts:
        stem = part.name if part.name in STEMS else "other"
        notes = _window(part, first, SECONDS / beat, 0 if stem == "drums" else shift, Random(number))
        samples = treated(_sounded(notes, stem, beat, library, rng), stem, RATE, rng)
        stems[stem] = stems[stem] + samples * np.float32(10 ** (rng.normal(0, 4) / 20))
    if rng.random() < 0.1 and library.guitars:
        stems["other"] = treated(_guitar(library, rng), "other", RATE, rng)
    if rng.random() < 0.25:
        moved = Score(score.style, 60 / beat, score.meter, score.key, _moved(score, first), SECONDS / beat)
        duck = 1 - rng.uniform(0.3, 0.95) * ducking(moved, FRAMES, RATE, loop=False)
        stems["bass"], stems["other"] = stems["bass"] * duck, stems["other"] * duck
    return np.stack([_levelled(stems[stem]) for stem in STEMS])


def electronic(number: int, library: Library) -> FloatArray:
    """Stems as those of `clip`, with a kick and a bass of electronic music in place of the arranger's, in time with them."""
    return _with_line(number, library, np.random.default_rng([1771, number]), struck=False)


def struck(number: int, library: Library) -> FloatArray:
    """As `electronic`, with basses that begin as drums do, kicks that end as basses do, and at times the arranger's drums."""
    return _with_line(number, library, np.random.default_rng([1772, number]), struck=True)


def _with_line(number: int, library: Library, rng: np.random.Generator, *, struck: bool) -> FloatArray:
    score = _arranged(number, rng)
    beat = score.seconds_per_beat * 2 ** rng.uniform(-0.25, 0.25)
    beats, root = SECONDS / beat, int(rng.integers(26, 46))
    first, shift = rng.uniform(0, max(0.0, PIECE_SECONDS - SECONDS)) / score.seconds_per_beat, int(rng.integers(-5, 6))
    other, beaten = np.zeros((2, FRAMES), np.float32), np.zeros((2, FRAMES), np.float32)
    played_drums = struck and rng.random() < 0.4
    for part in score.parts:
        if part.name == "drums" and played_drums:
            notes = _window(part, first, beats, 0, Random(number))
            beaten = treated(_sounded(notes, "drums", beat, library, rng), "drums", RATE, rng)
        elif part.name not in {"drums", "bass"}:
            notes = _window(part, first, beats, shift, Random(number))
            samples = treated(_sounded(notes, "other", beat, library, rng), "other", RATE, rng)
            other += samples * np.float32(10 ** (rng.normal(0, 4) / 20))
    steps = KICKS[rng.integers(len(KICKS))]
    kicks = kick_notes(beats, steps)
    if beaten.any():
        drums = beaten
    else:
        hum = _long_kicked if struck and rng.random() < 0.4 else _kicked
        kick = treated(hum(kicks, beat, root, library, rng), "drums", RATE, rng)
        kit = _sounded(kit_notes(beats, rng), "drums", beat, library, rng)
        drums = kick + treated(kit, "drums", RATE, rng) * np.float32(10 ** (rng.normal(-3, 5) / 20))
    line = bass_notes(beats, root, steps, rng)
    bass = (_struck_bass if struck else _bass)(line, beat, root, library, rng)
    bass = treated(bass, "bass", RATE, rng)
    if rng.random() < 0.5 and not beaten.any():
        part = Part("drums", "", tuple(kicks))
        duck = ducking(Score("", 60 / beat, score.meter, score.key, (part,), beats), FRAMES, RATE, loop=False)
        bass = bass * (1 - rng.uniform(0.3, 1.0) * duck)
        other = other * (1 - rng.choice([0.0, rng.uniform(0.3, 1.0)]) * duck)
    return np.stack([_levelled(np.asarray(stem, np.float32)) for stem in (drums, bass, other)])


def _kicked(notes: list[Note], beat: float, root: int, library: Library, rng: np.random.Generator) -> FloatArray:
    way = rng.random()
    if way < 0.4:
        return played(notes, beat, FRAMES, RATE, library.recorded.kit(rng))
    if way < 0.85:
        return played(notes, beat, FRAMES, RATE, dice_kit(rng, RATE, settled_hertz(root, rng)))
    font = library.fonts[rng.integers(len(library.fonts))]
    return font.render(notes, beat, FRAMES, 128, int(rng.choice(DRUM_PRESETS)))


def _long_kicked(notes: list[Note], beat: float, root: int, _: Library, rng: np.random.Generator) -> FloatArray:
    return played(notes, beat, FRAMES, RATE, dice_long_kick(rng, RATE, settled_hertz(root, rng)))


def _struck_bass(notes: list[Note], beat: float, root: int, library: Library, rng: np.random.Generator) -> FloatArray:
    way = rng.random()
    if way < 0.35:
        return played(notes, beat, FRAMES, RATE, dice_string(rng, RATE))
    if way < 0.75:
        return played(notes, beat, FRAMES, RATE, dice_resonant(rng, RATE))
    if way < 0.87:
        return played(notes, beat, FRAMES, RATE, dice_sub(rng, RATE))
    return _bass(notes, beat, root, library, rng)


def _bass(notes: list[Note], beat: float, root: int, library: Library, rng: np.random.Generator) -> FloatArray:
    way = rng.random()
    if way < 0.45:
        return synth_line(notes, beat, FRAMES, RATE, rng)
    base = root + int(rng.integers(-9, 10))
    if way < 0.6:
        return played(notes, beat, FRAMES, RATE, sampled(library.recorded.bass(rng), base, RATE, rng))
    if way < 0.8:
        # One note of the soundfont, as a sampler plays it.
        font = library.fonts[rng.integers(len(library.fonts))]
        held = Note(0, rng.uniform(0.1, 1.5), max(24, base), 0.9)
        note = font.render([held], 1.0, 2 * RATE, 0, int(rng.choice(BASS_PROGRAMS)))
        return played(notes, beat, FRAMES, RATE, sampled(note, max(24, base), RATE, rng))
    return _sounded(notes, "bass", beat, library, rng)


def _arranged(number: int, rng: np.random.Generator) -> Score:
    styles = sorted(load_styles())
    spec = RenderSpec.parse(
        {"verb": "generate", "prompt": str(rng.choice(styles)).replace("_", " "), "length": PIECE_SECONDS}
    )
    return arrange(spec, number)


def _window(part: Part, first: float, beats: float, shift: int, rng: Random) -> list[Note]:
    """The notes of one stretch, moved to its start, transposed, now and then an octave away, thinned or shortened."""
    octave = rng.choice([0, 0, 0, 0, 12, -12]) if part.name not in {"drums", "bass"} else 0
    thin, gate = rng.choice([0, 0, 0.2]), rng.choice([1.0, 1.0, 0.5, 1.4])
    move = (shift + octave) if part.name != "drums" else 0
    return [
        Note(note.start - first, note.length * gate, min(120, max(20, note.pitch + move)), note.velocity)
        for note in part.notes
        if first <= note.start < first + beats and rng.random() >= thin
    ]


def _moved(score: Score, first: float) -> tuple[Part, ...]:
    return tuple(
        Part(part.name, part.instrument, tuple(_window(part, first, score.beats, 0, Random(0))))
        for part in score.parts
        if part.name == "drums"
    )


def _sounded(notes: list[Note], stem: str, beat: float, library: Library, rng: np.random.Generator) -> FloatArray:
    font = library.fonts[rng.integers(len(library.fonts))]
    if stem == "drums":
        way = rng.random()
        if way < 0.12:
            return library.recorded.loop(rng, FRAMES)
        if way < 0.42:
            return played(notes, beat, FRAMES, RATE, library.recorded.kit(rng))
        if way < 0.65:
            return played(notes, beat, FRAMES, RATE, dice_kit(rng, RATE))
        return font.render(notes, beat, FRAMES, 128, int(rng.choice(DRUM_PRESETS)))
    if rng.random() < 0.5:
        return played(notes, beat, FRAMES, RATE, dice_synth(rng, RATE, low=stem == "bass"))
    programs = BASS_PROGRAMS if stem == "bass" else OTHER_PROGRAMS
    return font.render(notes, beat, FRAMES, 0, int(rng.choice(programs)))


def _guitar(library: Library, rng: np.random.Generator) -> FloatArray:
    path = library.guitars[rng.integers(len(library.guitars))]
    info = soundfile.info(path)
    wanted = round(SECONDS * info.samplerate) + 100
    start = int(rng.integers(0, info.frames - wanted))
    samples, rate = soundfile.read(path, wanted, start, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples, rate, RATE).T[:, :FRAMES], np.float32)


def _levelled(stem: FloatArray) -> FloatArray:
    return stem * np.float32(0.1 / level(stem)) if level(stem) > 1e-5 else np.zeros_like(stem)


KINDS = {"arranged": clip, "electronic": electronic, "struck": struck}


def main() -> None:
    """Write clips `first`, `first + step`, … as float16 [3, 2, frames] until the count or the time is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts", nargs="+", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True, help="folder of the Sonic Pi samples")
    parser.add_argument("--guitars", nargs="*", type=Path, default=[])
    parser.add_argument("--kind", choices=tuple(KINDS), default="arranged")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    library = Library(
        tuple(Soundfont(path, RATE) for path in given.fonts), Recorded(given.samples, RATE), tuple(given.guitars)
    )
    make = KINDS[given.kind]
    given.out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 60 * given.minutes
    for number in range(given.first, given.first + given.step * given.count, given.step):
        target = given.out / f"{given.kind}-{number:06d}.npy"
        if not target.exists():
            np.save(target, make(number, library).astype(np.float16))
        if time.monotonic() > end:
            break


if __name__ == "__main__":
    main()
