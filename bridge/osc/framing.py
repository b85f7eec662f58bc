"""Where one OSC packet ends and the next begins in a stream: OSC 1.0 length prefixes, OSC 1.1 SLIP (RFC 1055)."""

import struct
from typing import Protocol

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
_LENGTH = struct.Struct(">i")


class BadStream(Exception):
    """The stream cannot be followed any further."""


class Framing(Protocol):
    """One direction-free way of framing; `feed` keeps what is not complete yet, `limit` is in bytes a packet."""

    limit: int

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that are complete now; raises BadStream."""
        ...

    def frame(self, packet: bytes) -> bytes:
        """A packet as it travels."""
        ...


def detected(first: int, limit: int) -> Framing:
    """The framing of a stream by its first byte: a length below 16 MiB begins with zero, nothing in SLIP does."""
    return LengthPrefix(limit) if first == 0 else Slip(limit)


class LengthPrefix:
    """OSC 1.0: an int32 with the packet's size before each packet."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that are complete now; raises BadStream for a size that is negative or above the limit."""
        self._buffer += data
        packets = []
        while len(self._buffer) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer)
            if not 0 <= size <= self.limit:
                raise BadStream(f"a packet of {size} bytes")
            end = _LENGTH.size + size
            if len(self._buffer) < end:
                break
            packets.append(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
        return packets

    def frame(self, packet: bytes) -> bytes:
        """Size and packet."""
        return _LENGTH.pack(len(packet)) + packet


class Slip:
    """OSC 1.1: END around each packet; END before a packet may be left out."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._packet = bytearray()
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """Packets that are complete now; raises BadStream for an illegal escape or a packet above the limit."""
        packets = []
        for byte in data:
            if self._escaped:
                if byte not in (ESC_END, ESC_ESC):
                    raise BadStream("an illegal SLIP escape")
                self._packet.append(END if byte == ESC_END else ESC)
                self._escaped = False
            elif byte == ESC:
                self._escaped = True
            elif byte == END:
                if self._packet:
                    packets.append(bytes(self._packet))
                    self._packet.clear()
            else:
                self._packet.append(byte)
            if len(self._packet) > self.limit:
                raise BadStream("a packet without an end")
        return packets

    def frame(self, packet: bytes) -> bytes:
        """The packet with END on both sides."""
        escaped = packet.replace(bytes([ESC]), bytes([ESC, ESC_ESC])).replace(bytes([END]), bytes([ESC, ESC_END]))
        return bytes([END]) + escaped + bytes([END])
