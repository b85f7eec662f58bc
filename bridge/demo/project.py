"""Writes a REAPER project: named tracks, items at exact times, several takes of one item.

The format is plain text: a chunk opens with `<NAME values` and closes with `>`, every other line is a key and its
values. Source: project files as REAPER writes them, and the public parsers of the format.
"""

import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from engine.units import Bpm, SampleRate, Seconds

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "punchin:reaper-project")
_FILE_START = Seconds(0.0)
_SOURCES = {".flac": "FLAC"}
"""Kinds of source by file suffix; everything else is read as WAVE."""


@dataclass(frozen=True, slots=True)
class Take:
    """One of the recordings that an item can play."""

    name: str
    path: PurePath
    """As it is to stand in the project: relative to the project file, or absolute."""
    offset: Seconds = _FILE_START
    """Where in the file the item begins."""


@dataclass(frozen=True, slots=True)
class Item:
    """A stretch of a track; its first take is the one that plays."""

    track: str
    position: Seconds
    """From the project's start."""
    length: Seconds
    takes: tuple[Take, ...]


def rpp(items: Sequence[Item], *, bpm: Bpm, meter: tuple[int, int], rate: SampleRate) -> str:
    """The text of a project for REAPER 7, with CRLF line ends; write it as UTF-8 with newline="".

    Tracks stand in the order of first use. The same items give the same text, identifiers included. Raises ValueError
    for an item without takes, a time that is negative or not finite, and a path that the format cannot express.
    """
    for item in items:
        _check(item)
    lines = [
        '<REAPER_PROJECT 0.1 "7.0" 0',
        f"  SAMPLERATE {rate} 1 0",  # 1: this rate, whatever the audio device has
        f"  TEMPO {_number(bpm)} {meter[0]} {meter[1]}",
    ]
    for number, track in enumerate(dict.fromkeys(item.track for item in items)):
        own = [item for item in items if item.track == track]
        lines += [f"  {line}" for line in _track(f"{number}", track, own)]
    lines.append(">")
    return "".join(f"{line}\r\n" for line in lines)


def _check(item: Item) -> None:
    if not item.takes:
        raise ValueError(f"the item at {item.position} s on {item.track!r} has no take")
    times = (item.position, item.length, *(take.offset for take in item.takes))
    if not all(math.isfinite(time) and time >= 0 for time in times) or item.length <= 0:
        raise ValueError(f"the item on {item.track!r} has no legal time: {times}")


def _track(key: str, name: str, items: Sequence[Item]) -> Iterator[str]:
    guid = _guid(f"track {key}")
    yield f"<TRACK {guid}"
    yield f"  NAME {quoted(name)}"
    yield "  VOLPAN 1 0 -1 -1 1"
    yield "  NCHAN 2"
    yield f"  TRACKID {guid}"
    yield "  MAINSEND 1 0"
    for number, item in enumerate(items):
        for line in _item(f"{key}.{number}", item):
            yield f"  {line}"
    yield ">"


def _item(key: str, item: Item) -> Iterator[str]:
    yield "<ITEM"
    yield f"  POSITION {_number(item.position)}"
    yield f"  LENGTH {_number(item.length)}"
    yield "  LOOP 0"
    yield "  ALLTAKES 0"
    # fades of no length: the seams are in the audio, and the default fades would bend them
    yield "  FADEIN 1 0 0 1 0 0 0"
    yield "  FADEOUT 1 0 0 1 0 0 0"
    yield "  MUTE 0 0"
    yield f"  IGUID {_guid(f'item {key}')}"
    for number, take in enumerate(item.takes):
        # a first take has no line of its own, and plays as long as no other one is marked with SEL
        if number:
            yield "  TAKE"
        for line in _take(f"{key}.{number}", take):
            yield f"  {line}"
    yield ">"


def _take(key: str, take: Take) -> Iterator[str]:
    yield f"NAME {quoted(take.name)}"
    yield "VOLPAN 1 0 1 -1"
    yield f"SOFFS {_number(take.offset)}"
    yield "PLAYRATE 1 1 0 -1 0 0.0025"
    yield "CHANMODE 0"
    yield f"GUID {_guid(f'take {key}')}"
    yield f"<SOURCE {_SOURCES.get(take.path.suffix.lower(), 'WAVE')}"
    yield f"  FILE {_exactly(take.path.as_posix())}"
    yield ">"


def quoted(text: str) -> str:
    """A name as the format writes it.

    There is no escape character: the first of `"`, `'` and the backtick that the text does not hold encloses it. Text
    that holds all three has its backticks turned into apostrophes, and line breaks become spaces, as in REAPER itself.
    """
    line = " ".join(text.replace("\0", " ").splitlines())
    for mark in "\"'`":
        if mark not in line:
            return f"{mark}{line}{mark}"
    return f"`{line.replace('`', chr(39))}`"


def _exactly(path: str) -> str:
    """A quoted path; one that would have to be changed would name another file."""
    written = quoted(path)
    if written[1:-1] != path:
        raise ValueError(f"a REAPER project cannot name this file, rename it: {path!r}")
    return written


def _number(value: float) -> str:
    """Plain decimals, exact to 10 to the power of -14."""
    return f"{value:.14f}".rstrip("0").rstrip(".")


def _guid(what: str) -> str:
    return f"{{{uuid.uuid5(_NAMESPACE, what)}}}".upper()
