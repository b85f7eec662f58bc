"""Effects at the borders of sections: a riser before, an impact where the new one begins."""

from collections.abc import Iterator

from engine.backends.draft.form import Bar, Form
from engine.backends.draft.score import Note
from engine.backends.draft.stylebook import DRUM_NOTES, Voice

STEP_BEATS = 0.125
"""A riser of noise is a roll of thirty-seconds that grows."""
RISER_BEATS = 4.0


def effect_notes(voice: Voice, form: Form) -> Iterator[Note]:
    """A riser in the bar before a section, an impact on its first beat and on that of the piece; drum notes."""
    for bar in form.bars:
        if bar.energy < voice.enter:
            continue
        if bar.opens or bar.closes or bar.index == 0:
            yield Note(bar.start, 2.0, DRUM_NOTES["crash"], 0.9)
            yield Note(bar.start, 1.0, DRUM_NOTES["floor_tom"], 0.8)
        if bar.fills:
            yield from _riser(bar)


def _riser(bar: Bar) -> Iterator[Note]:
    length = min(RISER_BEATS, bar.end - bar.start)
    steps = round(length / STEP_BEATS)
    for step in range(steps):
        # Thirty-seconds only in the second half: the roll quickens as it grows.
        if step % 2 and step < steps / 2:
            continue
        grown = (step + 1) / steps
        yield Note(bar.end - length + step * STEP_BEATS, STEP_BEATS, DRUM_NOTES["shaker"], 0.15 + 0.75 * grown**2)
