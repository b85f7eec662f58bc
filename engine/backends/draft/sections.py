"""The sections of a piece: from the tags of lyrics, or after a plan that fits most songs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONG_BARS = 16
"""From here on a piece without tags has sections of different energy and an ending."""
_TAG = re.compile(r"^\s*\[([^\]]+)\]\s*$")
_KINDS = (
    ("pre chorus", ("pre chorus", "prechorus", "build", "build up", "rise")),
    ("chorus", ("chorus", "hook", "refrain", "drop", "head")),
    ("verse", ("verse", "strophe", "rap")),
    ("bridge", ("bridge", "middle eight", "middle 8")),
    ("intro", ("intro", "introduction", "opening")),
    ("break", ("break", "breakdown", "interlude", "pause")),
    ("solo", ("solo", "instrumental", "guitar solo")),
    ("outro", ("outro", "ending", "end", "coda", "fade out")),
)
_SHAPES = {
    "intro": (0.4, 0, 4), "verse": (0.75, 0, 8), "pre chorus": (0.85, 2, 4), "chorus": (1.0, 1, 8),
    "bridge": (0.6, 2, 8), "break": (0.3, 0, 4), "solo": (0.9, 1, 8), "outro": (0.5, 1, 4),
}  # fmt: skip
"""Energy, theme and weight of each kind of section."""
_PLAN = ("intro", "verse", "chorus", "verse", "chorus", "break", "chorus")
_PLANNED_ENERGY = (0.4, 0.8, 1.0, 0.7, 1.0, 0.3, 1.0)
_LINE_BARS = 2


@dataclass(frozen=True, slots=True)
class Section:
    """A run of bars with one character."""

    name: str
    """intro, verse, pre chorus, chorus, bridge, break, solo or outro."""
    bars: int
    energy: float
    """How full it is, 0 to 1."""
    theme: int
    """Which progression, groove and motif it takes: verses share one, choruses another."""


def tagged(lyrics: str) -> list[tuple[str, int]]:
    """The sections that lyrics name, in order, each with its count of lines; unknown tags count as verses."""
    found: list[tuple[str, int]] = []
    for line in lyrics.splitlines():
        if tag := _TAG.match(line):
            found.append((_kind(tag[1]), 0))
        elif found and line.strip():
            found[-1] = (found[-1][0], found[-1][1] + 1)
    return found


def laid_out(lyrics: str, bars: int, length: int | None, *, loop: bool) -> list[Section]:
    """Sections that fill `bars` exactly: those of the lyrics' tags, else those of a plan, each `length` bars long."""
    tags = tagged(lyrics)[:bars]
    if tags:
        weights = [lines * _LINE_BARS or _SHAPES[kind][2] for kind, lines in tags]
        counts = _shared(bars, weights)
        return [Section(kind, count, *_SHAPES[kind][:2]) for (kind, _), count in zip(tags, counts, strict=True)]
    length = length or (8 if bars >= 2 * LONG_BARS else 4)
    flat = loop or bars < LONG_BARS
    counts = [min(length, bars - first) for first in range(0, bars, length)]
    sections = []
    for index, count in enumerate(counts):
        if flat:
            sections.append(Section(("verse", "chorus")[index % 2], count, 1.0, index % 2))
            continue
        last = index == len(counts) - 1
        name = "chorus" if last else _PLAN[index % len(_PLAN)]
        energy = 1.0 if last else _PLANNED_ENERGY[index % len(_PLAN)]
        sections.append(Section(name, count, energy, _SHAPES[name][1]))
    return sections


def _kind(tag: str) -> str:
    words = re.sub(r"[^a-z0-9 ]", " ", tag.lower().replace("-", " "))
    words = " ".join(words.split())
    for kind, names in _KINDS:
        if any(re.search(rf"\b{name}\b", words) for name in names):
            return kind
    return "verse"


def _shared(bars: int, weights: Sequence[int]) -> list[int]:
    """So many bars in the ratio of the weights: in fours where there is room, else in twos or ones, none empty."""
    unit = next((unit for unit in (4, 2, 1) if bars // unit >= len(weights)), 1)
    units = bars // unit
    counts = [1] * len(weights)
    for _ in range(units - len(weights)):
        # The section that is furthest behind its share gets the next unit.
        behind = max(range(len(weights)), key=lambda place: (weights[place] / counts[place], -place))
        counts[behind] += 1
    counts = [count * unit for count in counts]
    counts[-1] += bars - sum(counts)
    return counts
