"""What the players play, as MIDI files for the producer's own instruments."""

from dataclasses import replace

from engine.backends.base import MIX
from engine.backends.draft.midi import standard_midi_file
from engine.backends.draft.score import Score


def midi_files(score: Score) -> dict[str, bytes]:
    """Track name to Standard MIDI File: each part that has notes, and all of them as `mix`."""
    files = {part.name: standard_midi_file(replace(score, parts=(part,))) for part in score.parts if part.notes}
    return files | {MIX: standard_midi_file(score)}


def at_tempo(score: Score, bpm: float) -> Score:
    """A score in seconds (60 quarters a minute) as one of another tempo that sounds the same."""
    quarters = bpm / 60
    parts = tuple(
        replace(
            part,
            notes=tuple(
                replace(note, start=note.start * quarters, length=note.length * quarters) for note in part.notes
            ),
        )
        for part in score.parts
    )
    return replace(score, bpm=bpm, beats=score.beats * quarters, parts=parts)
