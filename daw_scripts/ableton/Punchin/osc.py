"""OSC 1.0 messages as bytes: the part of it that the daemon speaks."""

from __future__ import annotations

import struct
from typing import Dict, List, Sequence, Tuple, Union

Value = Union[str, bool, int, float, bytes]
Message = Tuple[str, List[Value]]


class NotOsc(Exception):
    """Bytes that are no OSC message."""


def encode(address: str, values: Sequence[Value]) -> bytes:
    """One message: text, booleans, integers (int32, int64 where it does not fit), floats as doubles, bytes as a blob."""
    tags, body = ",", b""
    for value in values:
        tag, data = _encoded(value)
        tags += tag
        body += data
    return _text(address) + _text(tags) + body


def decode(packet: bytes) -> Message:
    """Address and values of one message; raises NotOsc."""
    try:
        address, at = _text_at(packet, 0)
        tags, at = _text_at(packet, at)
        if not address.startswith("/") or not tags.startswith(","):
            raise NotOsc("neither address nor tags")
        values: List[Value] = []
        for tag in tags[1:]:
            value, at = _decoded(tag, packet, at)
            values.append(value)
    except (struct.error, ValueError) as error:
        raise NotOsc(str(error)) from None
    return address, values


def pairs(values: Sequence[Value], first: int) -> Dict[str, Value]:
    """Keys and values behind the first `first` values."""
    return {str(key): value for key, value in zip(values[first::2], values[first + 1 :: 2])}


def _encoded(value: Value) -> Tuple[str, bytes]:
    if isinstance(value, bool):
        return ("T" if value else "F"), b""
    if isinstance(value, str):
        return "s", _text(value)
    if isinstance(value, float):
        return "d", struct.pack(">d", value)
    if isinstance(value, int):
        return ("i", struct.pack(">i", value)) if -(2**31) <= value < 2**31 else ("h", struct.pack(">q", value))
    return "b", struct.pack(">i", len(value)) + value + b"\0" * (-len(value) % 4)


def _decoded(tag: str, packet: bytes, at: int) -> Tuple[Value, int]:
    if tag in "TF":
        return tag == "T", at
    if tag == "s":
        return _text_at(packet, at)
    if tag == "b":
        size = struct.unpack_from(">i", packet, at)[0]
        if not 0 <= size <= len(packet) - at - 4:
            raise NotOsc("a blob that is longer than its message")
        return packet[at + 4 : at + 4 + size], at + 4 + size + -size % 4
    form = {"i": ">i", "h": ">q", "f": ">f", "d": ">d"}.get(tag)
    if form is None:
        raise NotOsc("type tag " + tag)
    value: Union[int, float] = struct.unpack_from(form, packet, at)[0]
    return value, at + struct.calcsize(form)


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return data + b"\0" * (4 - len(data) % 4)


def _text_at(packet: bytes, at: int) -> Tuple[str, int]:
    end = packet.index(b"\0", at)
    return packet[at:end].decode("utf-8"), end + 4 - (end - at) % 4
