"""Stands in front of python-osc: a datagram is walked here first, and what is not plain OSC never reaches the library.

python-osc 1.10.2 loops for ever on a negative element size, recurses without bound on nested bundles, lets
UnicodeDecodeError through, and reads wrong arguments after a type tag that it does not know.
"""

import math
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pythonosc.osc_message import OscMessage

MAX_DATAGRAM = 8 * 1024
"""Bytes of the largest UDP datagram that is read."""
MAX_DEPTH = 4
"""Bundles inside one another, the outermost counted."""
MAX_ARGUMENTS = 64
"""Arguments of one message."""

_BUNDLE = b"#bundle\0"
_BUNDLE_HEADER = len(_BUNDLE) + 8  # its time tag is stepped over, whatever it says
_ADDRESS = re.compile(rb"/[A-Za-z0-9_/.-]+")
_FIXED_SIZES = {"i": 4, "h": 8, "f": 4, "d": 8, "T": 0, "F": 0, "N": 0, "t": 8, "r": 4, "m": 4}
_NUMBERS = {"f": struct.Struct(">f"), "d": struct.Struct(">d")}
_LENGTH = struct.Struct(">i")

Argument = Any
"""int, float, str, bytes, bool or None; a (datetime, int) pair for a time tag, four ints for a MIDI message."""


class Reason(StrEnum):
    """Why a datagram was dropped: few values, so that they can be counted."""

    SIZE = "size"
    ALIGNMENT = "alignment"
    DEPTH = "bundle depth"
    ELEMENT = "bundle element"
    ADDRESS = "address"
    TAGS = "type tags"
    COUNT = "argument count"
    ARGUMENTS = "argument bytes"
    TEXT = "text"
    NUMBER = "number"


class BadPacket(ValueError):
    """A datagram that is not plain OSC, with the reason it is counted under."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as it came off the wire."""

    address: str
    arguments: tuple[Argument, ...]


def messages(datagram: bytes, limit: int = MAX_DATAGRAM) -> list[Incoming]:
    """Read every message of a datagram, in order, bundles flattened and their time tags ignored.

    One bad message drops them all. `limit`: bytes that the transport allows. Raises BadPacket and nothing else.
    Source: OSC 1.0 specification; the limits are those of docs/osc.md.
    """
    if not 0 < len(datagram) <= limit:
        raise BadPacket(Reason.SIZE)
    plain = list(_plain_messages(datagram, 0))
    return [_parsed(message) for message in plain]


def _plain_messages(packet: bytes, depth: int) -> Iterator[bytes]:
    if len(packet) % 4:
        raise BadPacket(Reason.ALIGNMENT)
    if not packet.startswith(_BUNDLE):
        _check_message(packet)
        yield packet
        return
    if depth == MAX_DEPTH:
        raise BadPacket(Reason.DEPTH)
    if len(packet) < _BUNDLE_HEADER:
        raise BadPacket(Reason.ELEMENT)
    position = _BUNDLE_HEADER
    while position < len(packet):
        (size,) = _LENGTH.unpack_from(packet, position)
        position += _LENGTH.size
        if not 0 < size <= len(packet) - position:
            raise BadPacket(Reason.ELEMENT)
        yield from _plain_messages(packet[position : position + size], depth + 1)
        position += size


def _check_message(message: bytes) -> None:
    address, position = _text(message, 0, Reason.ADDRESS)
    if not _ADDRESS.fullmatch(address):
        raise BadPacket(Reason.ADDRESS)
    tags, position = _text(message, position, Reason.TAGS)
    if not tags.startswith(b","):
        raise BadPacket(Reason.TAGS)
    if len(tags) - 1 > MAX_ARGUMENTS:
        raise BadPacket(Reason.COUNT)
    for tag in tags[1:].decode("latin-1"):
        position = _after(message, position, tag)
    if position != len(message):
        raise BadPacket(Reason.ARGUMENTS)


def _after(message: bytes, position: int, tag: str) -> int:
    """The position after one argument, once it is known to be there and sound."""
    if tag == "s":
        text, position = _text(message, position, Reason.ARGUMENTS)
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadPacket(Reason.TEXT) from error
        return position
    if tag == "b":
        return _after_blob(message, position)
    if tag not in _FIXED_SIZES:
        raise BadPacket(Reason.TAGS)
    end = position + _FIXED_SIZES[tag]
    if end > len(message):
        raise BadPacket(Reason.ARGUMENTS)
    if tag in _NUMBERS and not math.isfinite(_NUMBERS[tag].unpack_from(message, position)[0]):
        raise BadPacket(Reason.NUMBER)
    return end


def _after_blob(message: bytes, position: int) -> int:
    if position + _LENGTH.size > len(message):
        raise BadPacket(Reason.ARGUMENTS)
    (length,) = _LENGTH.unpack_from(message, position)
    position += _LENGTH.size
    if not 0 <= length <= len(message) - position:
        raise BadPacket(Reason.ARGUMENTS)
    after: int = position + length + -length % 4
    return after


def _text(message: bytes, position: int, otherwise: Reason) -> tuple[bytes, int]:
    """The bytes of a string and the position after its padding."""
    end = message.find(b"\0", position)
    if end < 0:
        raise BadPacket(otherwise)
    after = end + 4 - end % 4
    if any(message[end:after]):
        raise BadPacket(otherwise)
    return message[position:end], after


def _parsed(message: bytes) -> Incoming:
    parsed = OscMessage(message)
    return Incoming(parsed.address, tuple(parsed.params))


class Drops:
    """Counts what was dropped, and tells it in at most one log line a second."""

    def __init__(self) -> None:
        self.counts: Counter[Reason] = Counter()
        self._told: Counter[Reason] = Counter()
        self._next_line = -math.inf

    def add(self, reason: Reason) -> None:
        """Count one dropped datagram."""
        self.counts[reason] += 1

    def line(self, now: float) -> str | None:
        """What was dropped since the last line; None when nothing was, or less than a second has passed.

        `now`: monotonic seconds.
        """
        fresh = self.counts - self._told
        if not fresh or now < self._next_line:
            return None
        self._told = self.counts.copy()
        self._next_line = now + 1.0
        reasons = ", ".join(f"{reason} {count}" for reason, count in fresh.most_common())
        return f"dropped {fresh.total()} bad datagrams ({self.counts.total()} in all): {reasons}"
