"""OSC over UDP: one message or bundle a datagram."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Self

from loguru import logger

from bridge.osc.guard import MAX_DATAGRAM
from bridge.osc.loopback import bound
from bridge.osc.reception import Reception
from bridge.protocol.peer import Peer


class UdpTransport:
    """The daemon's UDP sockets. Raises CannotStart from `open` when the port cannot be had."""

    name = "udp"

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._endpoints: dict[socket.AddressFamily, asyncio.DatagramTransport] = {}
        self.port = 0
        self.hosts: list[str] = []

    async def open(self, host: str, port: int) -> Self:
        """Listen on both loopbacks; port 0 takes a free one."""
        sockets = bound(host, port, "udp")
        self.port = sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        for listening in sockets:
            self.hosts.append(listening.getsockname()[0])
            transport, _ = await loop.create_datagram_endpoint(lambda: _Endpoint(self._received), sock=listening)
            self._endpoints[listening.family] = transport
        return self

    def close(self) -> None:
        """Stop listening."""
        for endpoint in self._endpoints.values():
            endpoint.close()

    def send(self, peer: Peer, packet: bytes) -> None:
        """Send one datagram; one that cannot be sent is lost, as on any network."""
        endpoint = self._endpoints.get(socket.AF_INET6 if ":" in peer.host else socket.AF_INET)
        if endpoint and peer.port:
            endpoint.sendto(packet, (peer.host, peer.port))

    def _received(self, datagram: bytes, sender: tuple[Any, ...]) -> None:
        self._reception.take(Peer(self.name, sender[0], sender[1]), datagram, MAX_DATAGRAM)


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[Any, ...]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._received(data, addr)

    def error_received(self, exc: Exception) -> None:
        logger.debug("UDP: {}", exc)
