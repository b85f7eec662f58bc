"""`cover`: what a source plays, played by another band."""

import itertools
from dataclasses import replace
from random import Random

import numpy as np

from engine.analysis.lead import MelodyNote, melody_of
from engine.analysis.pitch import MELODY_SECONDS, pitch_map
from engine.backends.base import MIX, Heard, Rendering, Report, Stage
from engine.backends.draft.arranger import arrange_on
from engine.backends.draft.band import BEATEN, asked_band
from engine.backends.draft.fit import (
    accents,
    folded,
    level_gain,
    notes_beside,
    paced,
    presence,
    rendered_stems,
)
from engine.backends.draft.harmony import OCTAVE
from engine.backends.draft.listening import Listening, listen, loudness_of_bars
from engine.backends.draft.progress import Ticks
from engine.backends.draft.prompt import read
from engine.backends.draft.samples import Pack
from engine.backends.draft.score import Note, Part, Score
from engine.backends.draft.stylebook import load_styles, load_vocabulary
from engine.progress import shared
from engine.spec import RenderSpec
from engine.units import Seed

DEFAULT_STRENGTH = 0.5
LOUDNESS_LUFS = -16.0
"""Of the result, as of new pieces."""
_SINGER = ("synth", "lead")
"""Track and instrument that take the melody where the style has nobody for it."""
_MELODIC = ("woodwinds", "brass", "synth", "guitar", "keyboard")
_MELODY_VELOCITY = 0.9
_MELODY_STARTS = 0.15
_FULL_BAR, _EMPTY_BAR = 0.35, 0.08
_LISTENING_SHARE = 0.35
_SILENT_LUFS = -60.0


def cover(heard: Heard, spec: RenderSpec, seed: Seed, report: Report, pack: Pack | None = None) -> Rendering:
    """Play the source's chords in the prompt's style, at its tempo and of its length; `mix` is the result.

    With `spec.stems` the parts that add up to it are beside it. `spec.strength` says how close: at 0 tempo, chords and form
    are kept, from there on more of the melody and of the rhythm's accents, at 1 all that is heard of them.
    """
    strength = DEFAULT_STRENGTH if spec.strength is None else spec.strength
    frames = heard.samples.shape[1]
    tick = Ticks(shared(report, 0.0, _LISTENING_SHARE), Stage.PLANNING)
    listening = listen(heard, spec, tick)
    if listening.lufs < _SILENT_LUFS:
        return Rendering({MIX: np.zeros(heard.samples.shape, np.float32)}, "the source is silent, and so is this")
    score = listening.on_grid(arrange_on(listening.form, paced(spec, listening), seed, _band(spec)))
    score = _shaped(score, listening, strength)
    if strength > _MELODY_STARTS:
        notes = melody_of(pitch_map(listening.mono, listening.rate, tick, MELODY_SECONDS), listening.envelope, tick)
        score = _sung(score, _kept(notes, listening, strength, Random(f"{seed} melody")))
    stems = rendered_stems(score, frames, heard.rate, shared(report, _LISTENING_SHARE, 1.0), pack)
    mixed = np.zeros((2, frames), np.float32)
    for stem in stems.values():
        mixed += stem
        report(1.0, Stage.RENDERING)
    where = presence(listening, frames, heard.rate)
    tracks = {MIX: mixed} | (stems if spec.stems else {})
    tracks = {track: folded(samples * where, len(heard.samples)) for track, samples in tracks.items()}
    gain = level_gain(tracks[MIX], heard.rate, LOUDNESS_LUFS)
    tracks = {track: samples * gain for track, samples in tracks.items()}
    return Rendering(tracks, listening.note, midi=notes_beside(score, heard, spec, listening))


def _band(spec: RenderSpec) -> list[str]:
    styles = load_styles()
    return list(asked_band(read(spec.prompt, styles, load_vocabulary()), styles))


def _shaped(score: Score, listening: Listening, strength: float) -> Score:
    """Follow the source's form and accents: empty bars thin out, bars play as strongly, and accents fall as in the source."""
    energy = loudness_of_bars(listening)
    starts = listening.grid.seconds(np.array([bar.start for bar in listening.form.bars]))

    def shaped(part: Part) -> Part:
        times = np.array([note.start for note in part.notes])
        if not len(times):
            return part
        bars = np.clip(np.searchsorted(starts, times + 0.02, side="right") - 1, 0, len(energy) - 1)
        loud = energy[bars]
        struck = 1 - 0.6 * strength * (1 - accents(listening, times))
        gains = (0.5 + 0.5 * np.minimum(1, loud / 0.8)) * struck
        rests = (loud < _EMPTY_BAR) | ((loud < _FULL_BAR) & (part.name in BEATEN))
        kept = [
            replace(note, velocity=max(0.08, round(note.velocity * gain * 12) / 12))
            for note, gain, rest in zip(part.notes, gains.tolist(), rests.tolist(), strict=True)
            if not rest
        ]
        return replace(part, notes=tuple(kept))

    return replace(score, parts=tuple(shaped(part) for part in score.parts))


def _kept(notes: tuple[MelodyNote, ...], listening: Listening, strength: float, rng: Random) -> list[Note]:
    """As many of the notes as the strength says, the surest first; those that rub against chord and key are left out."""
    fitting = []
    for note in notes:
        beat = float(listening.grid.beats(np.array([(note.start + note.end) / 2]))[0])
        chord = listening.form.harmony_at(max(0.0, beat)).chord
        if note.pitch % OCTAVE in {*listening.form.key.scale, *chord.pitch_classes}:
            fitting.append(note)
    ranked = sorted(fitting, key=lambda note: note.confidence + rng.uniform(0, 0.2), reverse=True)
    kept = ranked[: round(len(ranked) * min(1.0, strength * 1.1))]
    return [
        Note(note.start, note.end - note.start, note.pitch, _MELODY_VELOCITY)
        for note in sorted(kept, key=lambda note: note.start)
        if note.start < listening.seconds
    ]


def _sung(score: Score, notes: list[Note]) -> Score:
    """Give the melody to the style's own lead, whose notes rest while it plays, else to a synth."""
    if not notes:
        return score
    names = [part.name for part in score.parts]
    singer = next((name for name in _MELODIC if name in names and _is_line(score, name)), None)
    if singer is None:
        free = next((name for name in (_SINGER[0], *_MELODIC, "strings") if name not in names), None)
        if free is None:
            return score
        return replace(score, parts=(*score.parts, Part(free, _SINGER[1], tuple(notes), level=-5.0, send=0.25)))
    return replace(
        score,
        parts=tuple(replace(part, notes=_joined(part, notes)) if part.name == singer else part for part in score.parts),
    )


def _is_line(score: Score, name: str) -> bool:
    """Whether a part plays one note at a time."""
    notes = next(part.notes for part in score.parts if part.name == name)
    together = sum(after.start - note.start < 0.03 for note, after in itertools.pairwise(notes))
    return len(notes) > 0 and together < 0.1 * len(notes)


def _joined(part: Part, notes: list[Note]) -> tuple[Note, ...]:
    """The melody, and the part's own notes in its longer rests."""
    taken = [(note.start - 0.5, note.start + note.length + 0.5) for note in notes]
    own = [
        note for note in part.notes if all(note.start + note.length <= low or note.start >= high for low, high in taken)
    ]
    return tuple(sorted([*notes, *own], key=lambda note: (note.start, note.pitch)))
