"""Meters: how a bar falls into beats, beats into groups, and how a pattern of one meter is played in another."""

from functools import cache
from typing import TypeAlias

Meter: TypeAlias = tuple[int, int]
"""Beats a bar and the note value of a beat, as written."""
STEPS_PER_BEAT = 4
"""Patterns are written in sixteenths: four steps a quarter note."""
REST, HOLD = ".", "-"
FREQUENT = frozenset({"hat", "ride", "shaker", "tambourine", "cabasa", "foot_hat", "cowbell", "guiro"})
"""Lanes that keep time: in a compound beat they play all its eighths."""

_CELLS = {
    (4, 6): (0, None, 1, None, 2, 3),
    (6, 4): (0, 2, 4, 5),
}
"""Which step of a beat sounds where, between beats of two and of three eighths: the last eighth stays the last."""
_DRUM_BEATS = {
    4: ({1: (0,), 2: (0, 1), 3: (0, 1, 1), 4: (0, 1, 2, 3)}, {1: (2,), 2: (2, 3), 3: (2, 3, 3), 4: (0, 1, 2, 3)}),
    3: ({1: (0,), 2: (0, 2), 3: (0, 1, 2), 4: (0, 1, 0, 2)}, {1: (0,), 2: (0, 2), 3: (0, 1, 2), 4: (0, 1, 0, 2)}),
    2: ({1: (0,), 2: (0, 1), 3: (0, 1, 1), 4: (0, 1, 0, 1)}, {1: (0,), 2: (0, 1), 3: (0, 1, 1), 4: (0, 1, 0, 1)}),
}
"""For grooves written in so many beats: which of them the beats of the first and of each later group take."""


def read_meter(text: str) -> Meter:
    """`6/8`, as RenderSpec admits it, to its numbers."""
    beats, value = text.split("/")
    return int(beats), int(value)


def meter_of(bar_beats: float) -> Meter:
    """The simplest time signature of a bar so many quarter notes long."""
    value = next((value for value in (4, 8, 16) if (bar_beats * value / 4).is_integer()), 32)
    return max(1, round(bar_beats * value / 4)), value


def bar_beats(meter: Meter) -> float:
    """Quarter notes a bar."""
    return meter[0] * 4 / meter[1]


@cache
def beat_lengths(meter: Meter) -> tuple[float, ...]:
    """The felt beats of a bar, in quarter notes: dotted ones in 6/8, 9/8 and 12/8, 2+2+3 eighths in 7/8, 3+2 in 5/8."""
    count, value = meter
    unit = 4 / value
    if value <= 4:
        return (1.0,) * round(count * unit)
    if count <= 3:
        return (unit,) * count
    threes, rest = divmod(count, 3)
    if rest == 0:
        return (3 * unit,) * threes
    if rest == 1:
        return (2 * unit, 2 * unit, 3 * unit) if count == 7 else (*(3 * unit,) * (threes - 1), 2 * unit, 2 * unit)
    return (*(3 * unit,) * threes, 2 * unit)


def is_even(meter: Meter) -> bool:
    """Whether all beats are quarters, so that off-beats can swing."""
    return all(length == 1.0 for length in beat_lengths(meter))


@cache
def groups(beats: int) -> tuple[int, ...]:
    """How many beats go together: five are three and two, seven are four and three."""
    known = {5: (3, 2), 6: (3, 3), 7: (4, 3)}
    return (beats,) if beats <= 4 else known.get(beats) or (4, *groups(beats - 4))


def beat_starts(meter: Meter) -> tuple[float, ...]:
    """Where the beats of a bar begin, in quarter notes."""
    lengths = beat_lengths(meter)
    return tuple(sum(lengths[:place]) for place in range(len(lengths)))


@cache
def translated(pattern: str, written: Meter, played: Meter, lane: str) -> str:
    """One bar of a pattern of another meter: each beat takes the steps of a beat that has its weight.

    `lane` is the drum that plays, empty for pitched parts, which take the beats in order.
    """
    if written == played:
        return pattern
    cells = split(pattern, written)
    lengths = beat_lengths(played)
    sources = _drum_sources(len(cells), lengths) if lane else _ordered_sources(len(cells), len(lengths))
    steps = "".join(cell(cells[source], _steps(length), lane) for source, length in zip(sources, lengths, strict=True))
    if lane == "kick" and set(pattern) - {REST} and steps[0] == REST:
        # A groove of its own has to say where the bar begins.
        steps = "x" + steps[1:]
    return steps


def split(pattern: str, written: Meter) -> list[str]:
    """The steps of each beat."""
    cells, place = [], 0
    for length in beat_lengths(written):
        cells.append(pattern[place : place + _steps(length)] or REST)
        place += _steps(length)
    return cells


def cell(steps: str, size: int, lane: str) -> str:
    """The steps of one beat, played in a beat of another size."""
    if len(steps) == size:
        return steps
    table = _CELLS.get((len(steps), size)) or tuple(step * len(steps) // size for step in range(size))
    played = [
        _held(steps, step * len(steps) // size) if source is None else steps[source]
        for step, source in enumerate(table)
    ]
    if size == 6 and lane in FREQUENT and played[0] not in REST + HOLD and played[4] not in REST + HOLD:
        played[1:4], played[5] = [REST, "o", REST], REST
    return "".join(played)


def _steps(length: float) -> int:
    return max(1, round(length * STEPS_PER_BEAT))


def _held(steps: str, place: int) -> str:
    """A step between two others: it goes on where the note there is held."""
    return HOLD if HOLD in (steps[place], (steps + REST)[place + 1]) else REST


def _drum_sources(written: int, lengths: tuple[float, ...]) -> list[int]:
    if len(lengths) == 3 and len(set(lengths)) > 1 and written == 4:
        # Two short beats and a long one: the answer of the snare comes on the long one.
        return [0, 2, 3]
    first, later = _DRUM_BEATS.get(written, _DRUM_BEATS[2])
    found = [place for index, size in enumerate(groups(len(lengths))) for place in (later if index else first)[size]]
    return [place % written for place in found]


def _ordered_sources(written: int, played: int) -> list[int]:
    sources: list[int] = []
    for index, size in enumerate(groups(played)):
        shift = written - size if index and size < written else 0
        sources += [(shift + place) % written for place in range(size)]
    return sources
