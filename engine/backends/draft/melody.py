"""Melody: a motif that is repeated, moved with the chords, varied and answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from engine.backends.draft.form import Form
from engine.backends.draft.harmony import OCTAVE, nearest
from engine.backends.draft.meter import Meter
from engine.backends.draft.patterns import Hit, hits
from engine.backends.draft.score import Note
from engine.backends.draft.stylebook import Voice

RANGE = 9
"""A melody stays this many semitones around its centre."""
PLAN = "aaba"
"""Which motif a bar pair takes: statement, repeat, answer, return."""
CONTOUR_STEPS = (-2, -1, -1, -1, 0, 1, 1, 1, 2, 3)
LONGEST_MOTIF = 64
CHORUS_LIFT = 3
"""Semitones that a chorus starts above a verse."""


@dataclass(frozen=True, slots=True)
class Motif:
    """A rhythm and the scale steps from note to note."""

    rhythm: str
    contour: tuple[int, ...]


def melody_notes(voice: Voice, form: Form, written: Meter, rng: Random) -> Iterator[Note]:
    """Two motifs a theme: statement, repeat, answer, return; notes move along the scale, strong ones to the chord.

    Phrases end on a long note: on the tonic where the chord has it, else on the chord's root or third.
    """
    rhythms = rng.sample(voice.patterns, len(voice.patterns))
    themes = sorted({bar.theme for bar in form.bars})
    names = [(theme, name) for theme in range(max(themes) + 1) for name in "ab"]
    motifs = {name: _motif(rhythms[place % len(rhythms)], rng) for place, name in enumerate(names)}
    pitch, place = nearest(form.harmonies[0].chord.root, voice.centre), 0
    for bar in form.bars:
        if bar.energy < voice.enter:
            continue
        if bar.closes:
            tonic = nearest(form.key.tonic, pitch)
            yield Note(bar.start, (bar.end - bar.start) * 0.7, tonic, 0.8)
            continue
        motif = motifs[bar.theme, PLAN[bar.index // 2 % len(PLAN)]]
        if bar.index % 2 == 0:
            # Every statement starts from the same place, so that the ear hears the repeat; choruses lie higher.
            lift = CHORUS_LIFT if bar.theme == 1 else 0
            pitch, place = nearest(bar.harmonies[0].chord.pitch_classes[0], voice.centre + lift), 0
        struck = list(hits(motif.rhythm, bar, written))
        ends = bar.fills or bar.index % 8 == 7
        rests = ends or (bar.index % 8 == 3 and rng.random() < 0.5)
        struck = _cadence(struck) if rests else struck
        for number, hit in enumerate(struck):
            pitch = _next(form, voice, pitch, motif.contour[place % LONGEST_MOTIF], hit)
            if ends and number == len(struck) - 1:
                pitch = _goal(form, hit, pitch)
            place += 1
            yield Note(hit.start, hit.length * 0.95, pitch, 0.85 if hit.on_beat else 0.7)


def _motif(rhythm: str, rng: Random) -> Motif:
    contour: list[int] = []
    for _ in range(LONGEST_MOTIF):
        steps = rng.choice(CONTOUR_STEPS)
        if contour and abs(contour[-1]) > 1:
            # A leap is answered by a step back.
            steps = -1 if contour[-1] > 0 else 1
        contour.append(steps)
    return Motif(rhythm, tuple(contour))


def _goal(form: Form, hit: Hit, pitch: int) -> int:
    """Where a phrase comes to rest."""
    classes = form.harmony_at(hit.start).chord.pitch_classes
    goals = (form.key.tonic,) if form.key.tonic in classes else classes[:2]
    return min((nearest(each, pitch) for each in goals), key=lambda each: abs(each - pitch))


def _next(form: Form, voice: Voice, pitch: int, steps: int, hit: Hit) -> int:
    moved = form.key.step(pitch, steps)
    if abs(moved - voice.centre) > RANGE:
        moved = form.key.step(pitch, -steps)
    if abs(moved - voice.centre) > RANGE:
        moved -= OCTAVE if moved > voice.centre else -OCTAVE
    if hit.on_beat or hit.length >= 1.0:
        return min(
            (nearest(each, moved) for each in form.harmony_at(hit.start).chord.pitch_classes),
            key=lambda each: abs(each - moved),
        )
    return moved


def _cadence(struck: list[Hit]) -> list[Hit]:
    """The end of a phrase: the second half's notes give way to one long one."""
    if len(struck) < 3:
        return struck
    kept = struck[: len(struck) // 2 + 1]
    last, end = kept[-1], struck[-1].start + struck[-1].length
    return [*kept[:-1], Hit(last.symbol, last.start, end - last.start, last.on_beat)]
