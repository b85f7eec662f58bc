"""The form of a piece: its bars, how full each is, and which chord sounds when."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from engine.backends.draft.harmony import Chord, Key, parse_chord

ENERGIES = (0.4, 0.8, 1.0, 0.7, 1.0, 0.3, 1.0)
"""How full the sections of a long piece are: intro, verse, chorus, verse, chorus, break, chorus."""
LONG_BARS = 16
"""From here on a piece has sections and an ending; below it everything plays all the time, up to the last bar line."""
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


@dataclass(frozen=True, slots=True)
class Form:
    """A piece without notes."""

    key: Key
    bar_beats: float
    beats: float
    bars: tuple[Bar, ...]
    harmonies: tuple[Harmony, ...]
    """All chords in order; they cover the piece without a gap."""

    def harmony_at(self, beat: float) -> Harmony:
        """The chord that sounds at a position of the piece; from its end on the first one, to which a loop returns."""
        if beat >= self.beats - _CLOSE:
            return self.harmonies[0]
        return self.harmonies[max(0, bisect_right(self.harmonies, beat + _CLOSE, key=lambda each: each.start) - 1)]


def plan(key: Key, bar_beats: float, beats: float, progressions: Sequence[str], *, loop: bool, rng: Random) -> Form:
    """Lay out a piece of `beats` quarter notes: sections of 8 bars (4 in short pieces), an ending if it is long."""
    whole = int(beats / bar_beats + _CLOSE)
    ends = not loop and whole >= LONG_BARS
    count = whole if ends else max(1, ceil(beats / bar_beats - _CLOSE))
    length = 8 if count >= 2 * LONG_BARS else 4
    bars_a_chord = max(1, ceil(SHORTEST_CHORD_BEATS / bar_beats))
    order = list(progressions)
    rng.shuffle(order)
    bars = []
    for index in range(count):
        closes = ends and index == count - 1
        section = index // length
        start = index * bar_beats
        end = beats if index == count - 1 else start + bar_beats
        # Verses share one progression, choruses another.
        chords = order[(section % 2) % len(order)].split()
        symbols = [_home(key)] if closes else chords[index % length // bars_a_chord % len(chords)].split(",")
        bars.append(
            Bar(
                index=index,
                start=start,
                end=end,
                energy=_energy(section, count, length, loop=loop),
                fills=(index % length == length - 1 and not closes) or (ends and index == count - 2),
                opens=index > 0 and index % length == 0,
                closes=closes,
                section=section,
                harmonies=tuple(
                    Harmony(
                        start + (end - start) * place / len(symbols),
                        start + (end - start) * (place + 1) / len(symbols),
                        parse_chord(symbol, key),
                    )
                    for place, symbol in enumerate(symbols)
                ),
            )
        )
    return Form(key, bar_beats, beats, tuple(bars), tuple(harmony for bar in bars for harmony in bar.harmonies))


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
    borders = set(range(8, count, 8) if sections is None else sections) - {0}
    bars: list[Bar] = []
    for index in range(count):
        start, end = index * bar_beats, min((index + 1) * bar_beats, beats)
        sounding = [
            Harmony(max(first, start), min(last, end), each.chord)
            for first, last, each in zip(starts, [*starts[1:], beats], ordered, strict=True)
            if min(last, end) - max(first, start) > _CLOSE
        ]
        bars.append(
            Bar(
                index=index,
                start=start,
                end=end,
                energy=1.0,
                fills=index + 1 in borders,
                opens=index in borders,
                closes=False,
                section=sum(border <= index for border in borders),
                harmonies=tuple(sounding),
            )
        )
    return Form(key, bar_beats, beats, tuple(bars), tuple(harmony for bar in bars for harmony in bar.harmonies))


def _home(key: Key) -> str:
    return "I" if key.mode == "major" else "i"


def _energy(section: int, bars: int, length: int, *, loop: bool) -> float:
    if loop or bars < LONG_BARS:
        return 1.0
    if section == (bars - 1) // length:
        return 1.0
    return ENERGIES[section % len(ENERGIES)]
