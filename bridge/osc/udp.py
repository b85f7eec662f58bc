"""OSC over UDP: sockets on both loopbacks, the guard in front, replies to whoever asked."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from typing import Any, Self

from loguru import logger

from bridge.osc.guard import BadPacket, Drops, messages
from bridge.protocol.peer import Peer
from engine.errors import CannotStart

_NO_SUCH_ADDRESS = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
LOOPBACK = ("127.0.0.1", "::1", "localhost")
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
FREE_PORT_TRIES = 20

Receiver = Callable[[Peer, str, tuple[Any, ...]], None]


class UdpTransport:
    """The daemon's UDP sockets. Raises CannotStart from `open` when the port cannot be had."""

    name = "udp"

    def __init__(self) -> None:
        self._endpoints: dict[socket.AddressFamily, asyncio.DatagramTransport] = {}
        self._drops = Drops()
        self.port = 0
        self.hosts: list[str] = []

    async def open(self, host: str, port: int, receive: Receiver) -> Self:
        """Listen on `host`, and on the other loopback as well when it is one; port 0 takes a free one."""
        self._receive = receive
        sockets = _bound(host, port)
        self.port = sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        for bound in sockets:
            self.hosts.append(bound.getsockname()[0])
            transport, _ = await loop.create_datagram_endpoint(lambda: _Endpoint(self._received), sock=bound)
            self._endpoints[bound.family] = transport
        return self

    def close(self) -> None:
        """Stop listening."""
        for endpoint in self._endpoints.values():
            endpoint.close()

    def send(self, peer: Peer, packet: bytes) -> None:
        """Send one datagram; one that cannot be sent is lost, as on any network."""
        family = socket.AF_INET6 if ":" in peer.host else socket.AF_INET
        endpoint = self._endpoints.get(family)
        if endpoint and peer.port:
            endpoint.sendto(packet, (peer.host, peer.port))

    def _received(self, datagram: bytes, sender: tuple[Any, ...]) -> None:
        try:
            incoming = messages(datagram)
        except BadPacket as error:
            self._drops.add(error.reason)
            line = self._drops.line(time.monotonic())
            if line:
                logger.warning("{}", line)
            return
        peer = Peer(self.name, sender[0], sender[1])
        for message in incoming:
            self._receive(peer, message.address, message.arguments)


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[Any, ...]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._received(data, addr)

    def error_received(self, exc: Exception) -> None:
        logger.debug("UDP: {}", exc)


def _bound(host: str, port: int) -> list[socket.socket]:
    """One socket a loopback, all on the same port."""
    if host not in LOOPBACK:
        raise CannotStart(
            f"host {host}: punchin listens on this machine only; the legal hosts are {', '.join(LOOPBACK)}"
        )
    for _ in range(FREE_PORT_TRIES):
        sockets: list[socket.socket] = []
        try:
            for each in ("127.0.0.1", "::1"):
                bound = _socket(each, sockets[0].getsockname()[1] if sockets else port)
                if bound:
                    sockets.append(bound)
        except OSError as error:
            for bound in sockets:
                bound.close()
            sockets.clear()
            if port:
                raise CannotStart(f"UDP port {port} cannot be had ({error.strerror}): {_holder(port)}") from error
        if sockets:
            return sockets
    raise CannotStart("no UDP port can be had on this machine's loopback")


def _holder(port: int) -> str:
    from bridge.osc.ports import holder  # noqa: PLC0415  psutil is needed for this message only

    found = holder(socket.SOCK_DGRAM, port)
    who = f"{found[1]} (pid {found[0]}) holds it" if found else "another program holds it"
    return f"{who}; choose another with --port"


def _socket(host: str, port: int) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        bound = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None  # a machine without IPv6
    try:
        if family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        bound.setblocking(False)  # noqa: FBT003  positional only
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if family is socket.AF_INET6 and error.errno in _NO_SUCH_ADDRESS:
            return None
        raise
    return bound
