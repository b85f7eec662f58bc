"""The form of a piece: its bars, how full each is, and which chord sounds when."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from engine.backends.draft.harmony import Chord, Key, coloured, parse_chord
from engine.backends.draft.meter import Meter, bar_beats, meter_of
from engine.backends.draft.sections import LONG_BARS, Section
from engine.backends.draft.timing import Measure

SHORTEST_CHORD_BEATS = 1.5
"""Bars shorter than this share a chord."""
_CLOSE = 1e-6


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord and when it sounds, in quarter notes."""

    start: float
    end: float
    chord: Chord


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; the last may be shorter than the others, or longer where the ending rings out."""

    index: int
    start: float
    end: float
    energy: float
    fills: bool
    """The drums lead into something new after this bar."""
    opens: bool
    """First bar of a section after the first."""
    closes: bool
    """The last chord of the piece is held here."""
    section: int
    harmonies: tuple[Harmony, ...]
    meter: Meter = (4, 4)
    theme: int = 0
    """Which progression, groove and motif it takes."""
    place: int = 0
    """Bars since its section began."""
    name: str = "verse"
    """The section's name."""


@dataclass(frozen=True, slots=True)
class Form:
    """A piece without notes."""

    key: Key
    bar_beats: float
    """Quarter notes of the first whole bar."""
    beats: float
    bars: tuple[Bar, ...]
    harmonies: tuple[Harmony, ...]
    """All chords in order; they cover the piece without a gap."""

    def harmony_at(self, beat: float) -> Harmony:
        """The chord that sounds at a position of the piece; from its end on the first one, to which a loop returns."""
        if beat >= self.beats - _CLOSE:
            return self.harmonies[0]
        return self.harmonies[max(0, bisect_right(self.harmonies, beat + _CLOSE, key=lambda each: each.start) - 1)]


@dataclass(frozen=True, slots=True)
class Palette:
    """What harmony a style has to choose from."""

    progressions: Sequence[str]
    dominants: float = 0.0
    """How often a chord is led into by its own dominant."""
    borrowed: float = 0.0
    """How often a chord is darkened or sharpened by one of the parallel key."""


def plan(
    key: Key, measures: Sequence[Measure], sections: Sequence[Section], palette: Palette, *, loop: bool, rng: Random
) -> Form:
    """Lay out a piece on bars: sections in order, each theme with a progression of its own, an ending if it is long."""
    bars, whole = list(measures), bar_beats(measures[0].meter)
    ends = not loop and _whole_bars(bars) >= LONG_BARS
    if ends and bars[-1].end - bars[-1].start < bar_beats(bars[-1].meter) - _CLOSE:
        # Too short for a bar of its own: the last chord rings on.
        bars[-2:] = [Measure(bars[-2].start, bars[-1].end, bars[-2].meter)]
    bars_a_chord = max(1, ceil(SHORTEST_CHORD_BEATS / whole))
    order = list(palette.progressions)
    rng.shuffle(order)
    where = [(number, section, place) for number, section in enumerate(sections) for place in range(section.bars)]
    where = where[: len(bars)]
    chords = [
        [parse_chord(symbol, key) for symbol in _symbols(order[section.theme % len(order)], place // bars_a_chord)]
        for _, section, place in where
    ]
    if ends:
        chords[-1] = [parse_chord("I" if key.mode == "major" else "i", key)]
    for index in range(len(bars) - 1 - ends):
        chords[index] = coloured(chords[index], chords[index + 1][0], key, palette.dominants, palette.borrowed, rng)
    made = [
        Bar(
            index=index,
            start=bar.start,
            end=bar.end,
            energy=section.energy,
            fills=(place == section.bars - 1 and not (ends and index == len(bars) - 1))
            or (ends and index == len(bars) - 2),
            opens=index > 0 and place == 0,
            closes=ends and index == len(bars) - 1,
            section=number,
            harmonies=_spaced(bar.start, bar.end, chords[index]),
            meter=bar.meter,
            theme=section.theme,
            place=place,
            name=section.name,
        )
        for index, (bar, (number, section, place)) in enumerate(zip(bars, where, strict=True))
    ]
    return Form(key, whole, bars[-1].end, tuple(made), tuple(harmony for bar in made for harmony in bar.harmonies))


def given(
    key: Key, bar_beats: float, beats: float, harmonies: Sequence[Harmony], *, sections: Sequence[int] | None = None
) -> Form:
    """A form whose chords are known, e.g. measured in a recording; everything plays all the time, up to the end.

    `beats` and the chords' times are quarter notes from the first bar line; a chord lasts until the next begins, the
    first also sounds before its start. `sections`: the indices of the bars at which something new begins; none: each
    eighth bar. Raises ValueError when no chord or no beat is given.
    """
    if not harmonies or beats <= 0 or bar_beats <= 0:
        raise ValueError("a form needs a length and at least one chord")
    ordered = sorted(harmonies, key=lambda each: each.start)
    starts = [0.0, *(each.start for each in ordered[1:])]
    count = max(1, ceil(beats / bar_beats - _CLOSE))
    borders = sorted({0, *(range(8, count, 8) if sections is None else sections)})
    bars: list[Bar] = []
    for index in range(count):
        start, end = index * bar_beats, min((index + 1) * bar_beats, beats)
        sounding = [
            Harmony(max(first, start), min(last, end), each.chord)
            for first, last, each in zip(starts, [*starts[1:], beats], ordered, strict=True)
            if min(last, end) - max(first, start) > _CLOSE
        ]
        section = bisect_right(borders, index) - 1
        bars.append(
            Bar(
                index=index,
                start=start,
                end=end,
                energy=1.0,
                fills=index + 1 in borders,
                opens=index > 0 and index in borders,
                closes=False,
                section=section,
                harmonies=tuple(sounding),
                meter=meter_of(bar_beats),
                theme=section % 2,
                place=index - borders[section],
                name=("verse", "chorus")[section % 2],
            )
        )
    return Form(key, bar_beats, beats, tuple(bars), tuple(harmony for bar in bars for harmony in bar.harmonies))


def _whole_bars(bars: Sequence[Measure]) -> int:
    return sum(bar.end - bar.start > bar_beats(bar.meter) - _CLOSE for bar in bars)


def _symbols(progression: str, place: int) -> list[str]:
    chords = progression.split()
    return chords[place % len(chords)].split(",")


def _spaced(start: float, end: float, chords: Sequence[Chord]) -> tuple[Harmony, ...]:
    """The chords of a bar, each for the same time."""
    edges = [start + (end - start) * place / len(chords) for place in range(len(chords) + 1)]
    return tuple(Harmony(first, last, chord) for first, last, chord in zip(edges, edges[1:], chords, strict=False))
