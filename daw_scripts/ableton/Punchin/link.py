"""The way to the daemon: a UDP socket of this script's own, which never blocks."""

from __future__ import annotations

import socket
from typing import Callable, Optional

LONGEST = 8192
"""Bytes that the daemon takes in one datagram."""
_LARGEST = 65535


class Link:
    """Datagrams to and from the daemon on this machine. `port` gives its port, None while it does not run."""

    def __init__(self, port: Callable[[], Optional[int]]) -> None:
        self._port = port
        self._far: Optional[int] = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))

    def look_up(self) -> bool:
        """Ask anew where the daemon is; whether it is anywhere."""
        self._far = self._port()
        return self._far is not None

    def send(self, packet: bytes) -> None:
        """Send one datagram; what cannot go now is sent again by whoever waits for an answer."""
        if self._far is None:
            return
        try:
            self._socket.sendto(packet, ("127.0.0.1", self._far))
        except OSError:
            pass

    def receive(self) -> Optional[bytes]:
        """The next datagram of the daemon, or None while there is none."""
        while True:
            try:
                packet, sender = self._socket.recvfrom(_LARGEST)
            except ConnectionResetError:
                continue  # Windows: an earlier datagram found nobody
            except OSError:
                return None
            if sender == ("127.0.0.1", self._far):
                return packet

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()
