"""Step patterns on bars: hits with lengths and strengths, in quarter notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from engine.backends.draft.form import Bar
from engine.backends.draft.stylebook import STEPS_PER_BEAT

REST, HOLD = ".", "-"
STRENGTHS = {"X": 1.0, "x": 0.8, "o": 0.45}
"""Velocities of the letters; digits and `n` play like `x`."""


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


def hits(pattern: str, bar: Bar, style_bar_beats: float) -> Iterator[Hit]:
    """The hits of a bar; a pattern written for another meter is cut, or starts again, at the bar line."""
    yield from _walk(fit(pattern, bar, style_bar_beats), bar)


def tail(pattern: str, bar: Bar) -> tuple[float, list[Hit]]:
    """A fill, set at the end of a bar: where it begins, and its hits."""
    steps = ceil((bar.end - bar.start) * STEPS_PER_BEAT)
    cut = pattern[-steps:]
    padded = REST * (steps - len(cut)) + cut
    return bar.start + (steps - len(cut)) / STEPS_PER_BEAT, list(_walk(padded, bar))


def fit(pattern: str, bar: Bar, style_bar_beats: float) -> str:
    """The steps of a pattern for one bar, whatever its meter."""
    per_bar = max(1, round(style_bar_beats * STEPS_PER_BEAT))
    bars = max(1, len(pattern) // per_bar)
    part = pattern[bar.index % bars * per_bar :][:per_bar]
    steps = ceil((bar.end - bar.start) * STEPS_PER_BEAT - 1e-6)
    return (part * ceil(steps / len(part)))[:steps]


def _walk(steps: str, bar: Bar) -> Iterator[Hit]:
    for step, symbol in enumerate(steps):
        start = bar.start + step / STEPS_PER_BEAT
        if symbol in (REST, HOLD) or start >= bar.end - 1e-6:
            continue
        held = len(steps[step + 1 :]) - len(steps[step + 1 :].lstrip(HOLD))
        yield Hit(symbol, start, min((1 + held) / STEPS_PER_BEAT, bar.end - start), step % STEPS_PER_BEAT == 0)
