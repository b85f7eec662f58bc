"""One part of the score: what a player plays, with swing, small human errors, and the strip of the mixing desk."""

from collections.abc import Iterator
from random import Random

from engine.backends.draft.accompaniment import chord_notes
from engine.backends.draft.band import BEATEN
from engine.backends.draft.effects import effect_notes
from engine.backends.draft.form import Form
from engine.backends.draft.melody import melody_notes
from engine.backends.draft.rhythm_section import bass_notes, drum_notes, walking_notes
from engine.backends.draft.score import Note, Part
from engine.backends.draft.stylebook import Drums, Style, Voice

VELOCITY_STEPS = 12
"""Velocities are rounded to so many levels: a sound source renders each note of a level once."""


def play(track: str, player: Drums | Voice, form: Form, style: Style, bpm: float, seed: int) -> Part:
    """All notes of one track."""
    rng = Random(f"{seed} {track} timing")
    # Drums are the grid; only the others may lean on it.
    spread = 0.0 if track in BEATEN else style.humanize * bpm / 60
    placed = [
        _placed(note, form.beats, style, rng.gauss(0.0, spread)) for note in _notes(track, player, form, style, seed)
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
    beats, value = (int(part) for part in style.meter.split("/"))
    rng, style_bar = Random(f"{seed} {track}"), beats * 4 / value
    if isinstance(player, Drums):
        return drum_notes(player, form, style_bar, rng)
    match player.role:
        case "bass":
            return bass_notes(player, form, style_bar, rng)
        case "walk":
            return walking_notes(player, form, rng)
        case "melody":
            return melody_notes(player, form, style_bar, rng)
        case "fx":
            return effect_notes(player, form)
        case _:
            return chord_notes(player, form, style_bar, rng)


def _placed(note: Note, beats: float, style: Style, late: float) -> Note:
    start = min(max(_swung(note.start, style) + late, 0.0), max(beats - 1e-3, 0.0))
    velocity = max(1, round(note.velocity * VELOCITY_STEPS)) / VELOCITY_STEPS
    return Note(start, max(note.length, 1e-3), note.pitch, min(velocity, 1.0))


def _swung(beat: float, style: Style) -> float:
    """Stretch the first and squeeze the second of each pair of swung notes."""
    pair = 2 * style.swing_beats
    first = beat // pair * pair
    place = (beat - first) / pair
    warped = place * 2 * style.swing if place < 0.5 else style.swing + (place - 0.5) * 2 * (1 - style.swing)
    return first + warped * pair
