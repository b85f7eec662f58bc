"""What every transport does with the bytes that come in: guard them, hold back floods, pass messages on."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from bridge.osc.guard import BadPacket, Drops, Incoming, messages
from bridge.protocol.peer import Peer

MESSAGES_A_SECOND = 200.0
"""What one source may send for long; a DAW script sends a handful."""
BURST = 500.0
KNOWN_SOURCES = 1024
BUSY_PAUSE_SECONDS = 0.1

Receive = Callable[[Peer, str, tuple[Any, ...]], None]
Refuse = Callable[[Peer, tuple[Any, ...]], None]


class Transport(Protocol):
    """A way for OSC bytes to come and go."""

    name: str

    def send(self, peer: Peer, packet: bytes) -> None:
        """Send one message; what cannot be sent is lost, and delivery sends it again."""
        ...

    def close(self) -> None:
        """Stop."""
        ...


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float
    refused_at: float = 0.0


class Reception:
    """Takes bytes of any transport. `refuse` answers a source that sends too much, ten times a second at most."""

    def __init__(self, receive: Receive, refuse: Refuse, clock: Callable[[], float] = time.monotonic) -> None:
        self._receive = receive
        self._refuse = refuse
        self._clock = clock
        self._sources: OrderedDict[tuple[str, str, int], _Allowance] = OrderedDict()
        self.drops = Drops()

    def take(self, peer: Peer, packet: bytes, limit: int) -> bool:
        """Pass on what is plain OSC of at most `limit` bytes; False when the bytes were not.

        What a source sends far too fast is not even read: a flood must cost next to nothing.
        """
        if self._floods(peer):
            return True
        try:
            incoming = messages(packet, limit)
        except BadPacket as error:
            self.drops.add(error.reason)
            line = self.drops.line(self._clock())
            if line:
                logger.warning("{}", line)
            return False
        for message in incoming:
            self._admit(peer, message)
        return True

    def _admit(self, peer: Peer, message: Incoming) -> None:
        now = self._clock()
        allowance = self._allowance(peer, now)
        if allowance.left >= 1.0:
            allowance.left -= 1.0
            self._receive(peer, message.address, message.arguments)
        elif now - allowance.refused_at >= BUSY_PAUSE_SECONDS:
            allowance.refused_at = now
            self._refuse(peer, message.arguments)

    def _floods(self, peer: Peer) -> bool:
        """Whether a source has nothing left to send, and has just been told so."""
        known = self._sources.get(peer)
        if known is None or known.left >= 1.0:
            return False
        now = self._clock()
        return now - known.refused_at < BUSY_PAUSE_SECONDS and self._allowance(peer, now).left < 1.0

    def _allowance(self, peer: Peer, now: float) -> _Allowance:
        """What a source may still send: it fills up with time, and the source longest silent is forgotten."""
        allowance = self._sources.pop(peer, None) or _Allowance(BURST, now)
        allowance.left = min(BURST, allowance.left + (now - allowance.at) * MESSAGES_A_SECOND)
        allowance.at = now
        self._sources[peer] = allowance
        if len(self._sources) > KNOWN_SOURCES:
            self._sources.popitem(last=False)
        return allowance
