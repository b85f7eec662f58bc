"""Step patterns on bars: hits with lengths and strengths, in quarter notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from engine.backends.draft.form import Bar
from engine.backends.draft.meter import (
    HOLD,
    REST,
    STEPS_PER_BEAT,
    Meter,
    bar_beats,
    beat_lengths,
    beat_starts,
    cell,
    translated,
)

STRENGTHS = {"X": 1.0, "x": 0.8, "o": 0.45, "r": 0.6, "t": 0.55}
"""Velocities of the letters; digits and `n` play like `x`."""
ROLLS = {"r": 2, "t": 3}
"""Letters that strike several times within their step."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One struck step."""

    symbol: str
    start: float
    """Quarter notes from the start of the piece."""
    length: float
    """Until the last of the holds that follow."""
    on_beat: bool

    @property
    def strength(self) -> float:
        """Velocity, 0 to 1."""
        return STRENGTHS.get(self.symbol, STRENGTHS["x"])


def hits(pattern: str, bar: Bar, written: Meter, lane: str = "") -> Iterator[Hit]:
    """The hits of a bar; a pattern written in another meter is translated beat by beat. `lane`: the drum that plays."""
    yield from _walk(fit(pattern, bar, written, lane), bar)


def tail(pattern: str, bar: Bar, written: Meter) -> tuple[float, list[Hit]]:
    """A fill, set at the end of a bar: where it begins, and its hits."""
    size = round(beat_lengths(written)[0] * STEPS_PER_BEAT)
    cells = [pattern[max(0, end - size) : end].rjust(size, REST) for end in range(len(pattern), 0, -size)]
    lengths = beat_lengths(bar.meter)[::-1]
    played = [
        cell(each, max(1, round(length * STEPS_PER_BEAT)), "") for each, length in zip(cells, lengths, strict=False)
    ]
    steps = ceil((bar.end - bar.start) * STEPS_PER_BEAT - 1e-6)
    fill = "".join(reversed(played))[-steps:]
    first = bar.start + (steps - len(fill.lstrip(REST))) / STEPS_PER_BEAT
    return first, list(_walk(REST * (steps - len(fill)) + fill, bar))


def fit(pattern: str, bar: Bar, written: Meter, lane: str = "") -> str:
    """The steps of a pattern for one bar, whatever its meter."""
    per_bar = max(1, round(bar_beats(written) * STEPS_PER_BEAT))
    bars = max(1, len(pattern) // per_bar)
    part = translated(pattern[bar.index % bars * per_bar :][:per_bar], written, bar.meter, lane)
    steps = ceil((bar.end - bar.start) * STEPS_PER_BEAT - 1e-6)
    return (part * ceil(steps / len(part)))[:steps]


def _walk(steps: str, bar: Bar) -> Iterator[Hit]:
    beats = {round(start * STEPS_PER_BEAT) for start in beat_starts(bar.meter)}
    for step, symbol in enumerate(steps):
        start = bar.start + step / STEPS_PER_BEAT
        if symbol in (REST, HOLD) or start >= bar.end - 1e-6:
            continue
        held = len(steps[step + 1 :]) - len(steps[step + 1 :].lstrip(HOLD))
        length = min((1 + held) / STEPS_PER_BEAT, bar.end - start)
        strokes = ROLLS.get(symbol, 1)
        for stroke in range(strokes):
            yield Hit(symbol, start + stroke * length / strokes, length / strokes, step in beats and stroke == 0)
