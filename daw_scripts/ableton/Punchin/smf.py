"""Standard MIDI Files: the notes of each track, in seconds. Source: Standard MIDI Files 1.0 (MMA, 1988)."""

from __future__ import annotations

import struct
from bisect import bisect_right
from typing import Dict, List, NamedTuple, Tuple

_DEFAULT_TEMPO = 500000
_OFF, _ON, _PROGRAM, _PRESSURE, _SYSEX, _SYSEX_ON, _META = 0x80, 0x90, 0xC0, 0xD0, 0xF0, 0xF7, 0xFF
_NAME, _TEMPO = 0x03, 0x51
_DRUM_CHANNEL = 9

_Event = Tuple[int, int, int, int]
"""Tick, 1 for what begins and 0 for what ends, channel and pitch in one number, velocity."""


class Note(NamedTuple):
    """Start and end in seconds."""

    start: float
    end: float
    pitch: int
    velocity: int
    is_drum: bool


class Part(NamedTuple):
    """A track of the file that has notes, in the order of their starts."""

    name: str
    notes: List[Note]


def read(path: str) -> List[Part]:
    """The parts of a file. Raises OSError, and ValueError for what is no MIDI file or counts no beats."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        return _parts(content)
    except (IndexError, struct.error):
        raise ValueError("%s: the MIDI file is cut off" % path) from None
    except ValueError as error:
        raise ValueError("%s: %s" % (path, error)) from None


def _parts(content: bytes) -> List[Part]:
    if content[:4] != b"MThd":
        raise ValueError("no MIDI file")
    size, _, _, division = struct.unpack_from(">IHHH", content, 4)
    if not 0 < division < 0x8000:
        raise ValueError("its times are not in beats")
    tempi: Dict[int, int] = {0: _DEFAULT_TEMPO}
    tracks = []
    at = 8 + size
    while at < len(content):
        name, size = struct.unpack_from(">4sI", content, at)
        at += 8
        if name == b"MTrk":
            tracks.append(_track(content[at : at + size], tempi))
        at += size
    clock = _Clock(tempi, division)
    parts = [Part(name, _notes(events, clock)) for name, events in tracks]
    return [part for part in parts if part.notes]


def _track(content: bytes, tempi: Dict[int, int]) -> Tuple[str, List[_Event]]:
    """Name and events; tempos, of which any track may hold some, are added to those of the file."""
    name, events = "", []
    at = tick = status = 0
    while at < len(content):
        delta, at = _length(content, at)
        tick += delta
        if content[at] >= 0x80:
            status = content[at]
            at += 1
        if status in (_META, _SYSEX, _SYSEX_ON):
            kind = content[at] if status == _META else -1
            size, at = _length(content, at + 1 if status == _META else at)
            if kind == _TEMPO:
                tempi[tick] = int.from_bytes(content[at : at + size], "big")
            elif kind == _NAME:
                name = content[at : at + size].decode("utf-8", "replace")
            at += size
            continue
        if status < 0x80:
            raise ValueError("an event has no status")
        kind = status & 0xF0
        if kind in (_ON, _OFF):
            velocity = content[at + 1] if kind == _ON else 0
            events.append((tick, int(velocity > 0), (status & 0x0F) << 7 | content[at], velocity))
        at += 1 if kind in (_PROGRAM, _PRESSURE) else 2
    return name, events


def _length(content: bytes, at: int) -> Tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    while True:
        byte = content[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at


class _Clock:
    """Seconds of a tick, under tempos (microseconds a quarter note) by the tick from which they hold."""

    def __init__(self, tempi: Dict[int, int], division: int) -> None:
        self._ticks = sorted(tempi)
        self._lengths = [tempi[tick] / division / 1e6 for tick in self._ticks]
        self._starts = [0.0]
        for number, tick in enumerate(self._ticks[1:]):
            self._starts.append(self._starts[-1] + (tick - self._ticks[number]) * self._lengths[number])

    def seconds(self, tick: int) -> float:
        number = bisect_right(self._ticks, tick) - 1
        return self._starts[number] + (tick - self._ticks[number]) * self._lengths[number]


def _notes(events: List[_Event], clock: _Clock) -> List[Note]:
    notes: List[Note] = []
    sounding: Dict[int, Tuple[int, int]] = {}
    last = max((event[0] for event in events), default=0)
    # what ends comes before what begins at the same tick; a note that nobody ends lasts as long as the others
    ends = [(last, 0, key, 0) for key in {event[2] for event in events}]
    for tick, _, key, velocity in sorted(events + ends, key=lambda event: event[:2]):
        if key in sounding:
            first, struck = sounding.pop(key)
            if tick > first:
                is_drum = key >> 7 == _DRUM_CHANNEL
                notes.append(Note(clock.seconds(first), clock.seconds(tick), key & 0x7F, struck, is_drum))
        if velocity:
            sounding[key] = tick, velocity
    return sorted(notes)
