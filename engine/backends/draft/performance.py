"""One part of the score: what a player plays, with swing, small human errors, and the strip of the mixing desk."""

from bisect import bisect_right
from collections.abc import Iterator
from random import Random

from engine.backends.draft.accompaniment import chord_notes
from engine.backends.draft.band import BEATEN
from engine.backends.draft.effects import effect_notes
from engine.backends.draft.form import Form
from engine.backends.draft.melody import melody_notes
from engine.backends.draft.meter import is_even, read_meter
from engine.backends.draft.rhythm_section import bass_notes, drum_notes, walking_notes
from engine.backends.draft.score import Note, Part
from engine.backends.draft.stylebook import Drums, Style, Voice
from engine.backends.draft.timing import Timing

VELOCITY_STEPS = 12
"""Velocities are rounded to so many levels: a sound source renders each note of a level once."""


def play(track: str, player: Drums | Voice, form: Form, style: Style, timing: Timing, seed: int) -> Part:
    """All notes of one track."""
    rng = Random(f"{seed} {track} timing")
    # Drums are the grid; only the others may lean on it.
    spread = 0.0 if track in BEATEN else style.humanize
    placed = [
        _placed(note, form, style, timing, rng.gauss(0.0, spread)) for note in _notes(track, player, form, style, seed)
    ]
    return Part(
        name=track,
        instrument=player.instrument,
        notes=tuple(sorted(placed, key=lambda note: (note.start, note.pitch))),
        level=player.level,
        pan=player.pan,
        send=player.send,
        duck=player.duck,
    )


def _notes(track: str, player: Drums | Voice, form: Form, style: Style, seed: int) -> Iterator[Note]:
    rng, written = Random(f"{seed} {track}"), read_meter(style.meter)
    if isinstance(player, Drums):
        return drum_notes(player, form, written, rng)
    match player.role:
        case "bass":
            return bass_notes(player, form, written, rng)
        case "walk":
            return walking_notes(player, form, rng)
        case "melody":
            return melody_notes(player, form, written, rng)
        case "fx":
            return effect_notes(player, form)
        case _:
            return chord_notes(player, form, written, rng)


def _placed(note: Note, form: Form, style: Style, timing: Timing, late: float) -> Note:
    start = _swung(note.start, form, style)
    if late:
        start = timing.beat_at(max(0.0, timing.seconds_at(start) + late))
    start = min(max(start, 0.0), max(form.beats - 1e-3, 0.0))
    velocity = max(1, round(note.velocity * VELOCITY_STEPS)) / VELOCITY_STEPS
    return Note(start, max(note.length, 1e-3), note.pitch, min(velocity, 1.0))


def _swung(beat: float, form: Form, style: Style) -> float:
    """Stretch the first and squeeze the second of each pair of swung notes; dotted and uneven beats do not swing."""
    bar = form.bars[max(0, bisect_right(form.bars, beat + 1e-6, key=lambda each: each.start) - 1)]
    if style.swing == 0.5 or not is_even(bar.meter):
        return beat
    pair = 2 * style.swing_beats
    first = bar.start + max(0.0, (beat - bar.start + 1e-9) // pair * pair)
    place = (beat - first) / pair
    warped = place * 2 * style.swing if place < 0.5 else style.swing + (place - 0.5) * 2 * (1 - style.swing)
    return first + warped * pair
