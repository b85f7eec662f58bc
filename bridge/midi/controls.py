"""What a controller sends and shows: raw MIDI messages as controls with a value, and back."""

import re
from typing import NamedTuple, Self

NOTE, CC, PROGRAM, PITCH, SONG, SYSEX = "note", "cc", "program", "pitch", "song", "sysex"
FULL = {NOTE: 127, CC: 127, PROGRAM: 127, PITCH: 16383, SONG: 127, SYSEX: 127}
"""The highest value of each kind. Program change, song select and sysex have no value: they count as full presses."""
DOWN = {NOTE: 1, CC: 64, PROGRAM: 0, PITCH: 12288, SONG: 0, SYSEX: 0}
"""The lowest value of each kind that is a press. A pitch wheel rests at 8192."""
_STATUS = {NOTE: 0x90, CC: 0xB0, PROGRAM: 0xC0, PITCH: 0xE0}
_TEXT = re.compile(
    r"(note|cc|program) (\d{1,3})(?: channel (\d{1,2}))?|pitch(?: channel (\d{1,2}))?|song (\d{1,3})|sysex (.+)"
)
LEGAL = "note 60, cc 7 channel 1, program 3, pitch channel 9, song 2 or sysex f0 7d 01 f7"


class Control(NamedTuple):
    """A pad, key, button, fader or message."""

    kind: str
    number: int = 0
    """Of the note, controller, program or song; 0 for pitch and sysex."""
    channel: int | None = None
    """1 to 16; None: any, and 1 when something is sent there."""
    sysex: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The control of a map's text; raises ValueError with what is legal."""
        match = _TEXT.fullmatch(" ".join(text.split()))
        if not match:
            raise ValueError(f"a control such as {LEGAL}; {text!r} came")
        kind, number, channel, pitch_channel, song, sysex = match.groups()
        if sysex:
            return cls(SYSEX, sysex=sysex_of(sysex))
        if song:
            found = cls(SONG, int(song))
        elif kind:
            found = cls(kind, int(number), int(channel) if channel else None)
        else:
            found = cls(PITCH, 0, int(pitch_channel) if pitch_channel else None)
        if found.number > 127 or (found.channel is not None and not 1 <= found.channel <= 16):
            raise ValueError(f"numbers are 0 to 127 and channels 1 to 16; {text!r} came")
        return found

    def __str__(self) -> str:
        if self.kind == SYSEX:
            return f"sysex {self.sysex.hex(' ')}"
        numbered = self.kind if self.kind == PITCH else f"{self.kind} {self.number}"
        return f"{numbered} channel {self.channel}" if self.channel else numbered

    def is_sent_by(self, other: Self) -> bool:
        """Whether this, as a map has it, means a control that was heard."""
        return self == other or (self.channel is None and self == other._replace(channel=None))

    def message(self, value: int) -> bytes:
        """The bytes that set this control's light, motor or number to a value."""
        if self.kind not in _STATUS:
            raise ValueError(f"nothing can be shown on {self}")
        status = _STATUS[self.kind] | (self.channel or 1) - 1
        value = max(0, min(FULL[self.kind], value))
        if self.kind == PITCH:
            return bytes((status, value & 0x7F, value >> 7))
        return bytes((status, self.number)) if self.kind == PROGRAM else bytes((status, self.number, value))


class Event(NamedTuple):
    """A control was moved."""

    control: Control
    value: int
    """0 to FULL of its kind; 0 of a note: it was let go."""


def event(data: bytes) -> Event | None:
    """What a message says a hand has done; None for clock, active sensing, pressure and the like."""
    if not data:
        return None
    channel = (data[0] & 0x0F) + 1
    match data[0] & 0xF0, len(data):
        case 0x90, 3:
            return Event(Control(NOTE, data[1], channel), data[2])
        case 0x80, 3:
            return Event(Control(NOTE, data[1], channel), 0)
        case 0xB0, 3:
            return Event(Control(CC, data[1], channel), data[2])
        case 0xC0, 2:
            return Event(Control(PROGRAM, data[1], channel), FULL[PROGRAM])
        case 0xE0, 3:
            return Event(Control(PITCH, 0, channel), data[1] | data[2] << 7)
    if data[0] == 0xF3 and len(data) == 2:
        return Event(Control(SONG, data[1]), FULL[SONG])
    if data[0] == 0xF0:
        return Event(Control(SYSEX, sysex=data), FULL[SYSEX])
    return None


def sysex_of(text: str) -> bytes:
    """The bytes of `f0 … f7`; raises ValueError."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) < 3 or data[0] != 0xF0 or data[-1] != 0xF7 or any(byte > 0x7F for byte in data[1:-1]):
        raise ValueError(f"system exclusive bytes such as f0 7d 01 f7; {text!r} came")
    return data


def steps(value: int, encoding: str) -> int:
    """How far a relative encoder turned: `twos` (65 to 127 are -63 to -1), `sign` (65 is -1), `offset` (64 is 0)."""
    if encoding == "offset":
        return value - 64
    if value < 64:
        return value
    return value - 128 if encoding == "twos" else 64 - value
