"""The score as a Standard MIDI File, so that a take can be played by the producer's own instruments.

Source: Standard MIDI Files 1.0 (MIDI Manufacturers Association, 1988) and General MIDI.
"""

import struct
from collections.abc import Iterable
from math import log2

from engine.backends.draft.harmony import parse_key
from engine.backends.draft.score import Note, Part, Score
from engine.backends.draft.timing import constant

TICKS = 960
"""Ticks a quarter note."""
DRUM_CHANNEL = 9
PROGRAMS = {
    "finger_bass": 33, "upright_bass": 32, "sub_bass": 38, "synth_bass": 38, "reese_bass": 39, "piano": 0,
    "electric_piano": 4, "organ": 16, "bell": 9, "guitar_nylon": 24, "guitar_steel": 25, "guitar_clean": 27,
    "guitar_drive": 29, "pad": 89, "strings": 48, "lead": 81, "pluck": 80, "flute": 73, "sax": 65, "brass": 61,
}  # fmt: skip
"""General MIDI programs, counted from 0, by instrument; drum kits have none, they go to the drum channel."""
TRACK_PROGRAMS = {
    "bass": 33, "keyboard": 0, "guitar": 27, "synth": 81, "strings": 48, "brass": 61, "woodwinds": 73,
}  # fmt: skip
"""What an instrument that General MIDI does not know plays as."""
_KIT = "kit_"
_MAJOR_FIFTHS = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)
"""Sharps (flats below zero) of the major key on each pitch class."""


def standard_midi_file(score: Score) -> bytes:
    """A format 1 file: tempos, meters, key and chord names in a first track, then a track for each part.

    Parts that strike drums share channel 10; the others have a channel and a General MIDI program each.
    """
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    tracks = [_conductor(score)]
    for part in score.parts:
        channel = DRUM_CHANNEL if _strikes(part) else channels.pop(0)
        tracks.append(_track(part, channel))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(tracks), TICKS)
    return header + b"".join(struct.pack(">4sI", b"MTrk", len(track)) + track for track in tracks)


def _strikes(part: Part) -> bool:
    return part.instrument.startswith(_KIT) or part.name in {"drums", "percussion"}


def _conductor(score: Score) -> bytes:
    events = [(0, _text(0x03, score.style)), (0, _meter(*score.meter))]
    if score.key:
        events.append((0, _key(score.key)))
    for point in (score.timing or constant(score.bpm)).points:
        microseconds = min(round(60e6 / point.bpm), 0xFFFFFF)
        events.append((_ticks(point.beat), _meta(0x51, microseconds.to_bytes(3, "big"))))
    events += [(_ticks(beat), _meter(*meter)) for beat, meter in score.meters]
    events += [(_ticks(harmony.start), _text(0x06, harmony.chord.name)) for harmony in score.chords]
    return _serialized(events, _ticks(score.beats))


def _track(part: Part, channel: int) -> bytes:
    events = [(0, _text(0x03, part.name)), (0, bytes((0xB0 | channel, 10, round((part.pan + 1) * 63.5))))]
    if channel != DRUM_CHANNEL:
        program = PROGRAMS.get(part.instrument, TRACK_PROGRAMS.get(part.name, 0))
        events.append((0, bytes((0xC0 | channel, program))))
    for start, end, note in _apart(part.notes):
        velocity = min(127, max(1, round(note.velocity * 127)))
        events.append((start, bytes((0x90 | channel, note.pitch, velocity))))
        events.append((end, bytes((0x80 | channel, note.pitch, 0))))
    return _serialized(events, 0)


def _apart(notes: Iterable[Note]) -> list[tuple[int, int, Note]]:
    """Start, end and note, in order; a note ends where the same pitch is struck again."""
    spans: list[tuple[int, int, Note]] = []
    sounding: dict[int, int] = {}
    for note in sorted(notes, key=lambda each: each.start):
        start = _ticks(note.start)
        end = max(start + 1, _ticks(note.start + note.length))
        place = sounding.get(note.pitch)
        if place is not None:
            first, last, old = spans[place]
            if first == start:
                continue
            spans[place] = (first, min(last, start), old)
        sounding[note.pitch] = len(spans)
        spans.append((start, end, note))
    return spans


def _serialized(events: list[tuple[int, bytes]], end: int) -> bytes:
    """Events with the time since the one before; note ends come before what starts on the same tick."""
    ordered = sorted(events, key=lambda event: (event[0], event[1][0] >> 4 != 0x8))
    track, now = b"", 0
    for tick, event in ordered:
        track += _variable(tick - now) + event
        now = tick
    return track + _variable(max(0, end - now)) + _meta(0x2F, b"")


def _ticks(beats: float) -> int:
    return round(beats * TICKS)


def _variable(number: int) -> bytes:
    """Seven bits a byte, all but the last with the high bit set."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _meta(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + _variable(len(content)) + content


def _text(kind: int, text: str) -> bytes:
    return _meta(kind, text.encode("ascii", "replace"))


def _meter(count: int, value: int) -> bytes:
    clocks = 36 if value == 8 and count % 3 == 0 and count > 3 else max(1, 96 // value)
    return _meta(0x58, bytes((count, round(log2(value)), clocks, 8)))


def _key(name: str) -> bytes:
    key = parse_key(name)
    minor = key.mode == "minor"
    fifths = _MAJOR_FIFTHS[(key.tonic + 3 * minor) % 12]
    return _meta(0x59, bytes((fifths & 0xFF, minor)))
