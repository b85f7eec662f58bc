"""OSC over TCP: for what does not fit a datagram, and for other machines. A slow or broken peer ends alone."""

import asyncio
import contextlib
import socket
from typing import Self

from loguru import logger

from bridge.osc.framing import BadStream, Framing, detected
from bridge.osc.loopback import bound, is_loopback
from bridge.osc.reception import Reception
from bridge.protocol.peer import REMOTE, Peer
from bridge.remote.gate import LARGEST_HELLO, Gate

MAX_PACKET = 256 * 1024
MAX_CONNECTIONS = 64
MAX_UNSENT = 1024 * 1024
"""Bytes that wait for a peer that does not read; beyond it the connection is ended."""
READ_BYTES = 65536


class TcpTransport:
    """The daemon's TCP server. Raises CannotStart from `open` when the port cannot be had.

    `gate`: decides on connections of other machines; without one there are none.
    """

    name = "tcp"

    def __init__(self, reception: Reception, gate: Gate | None = None) -> None:
        self._reception = reception
        self._gate = gate
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Peer, tuple[asyncio.StreamWriter, Framing]] = {}

    async def open(self, host: str, port: int) -> Self:
        """Listen on both loopbacks, and on `host` where that is another address."""
        for listening in bound(host, port, "tcp"):
            self._servers.append(await asyncio.start_server(self._serve, sock=listening))
        return self

    def close(self) -> None:
        """Stop listening and end every connection."""
        for server in self._servers:
            server.close()
        for writer, _ in self._connections.values():
            writer.close()

    def send(self, peer: Peer, packet: bytes) -> None:
        """Send one message in the framing that the peer speaks."""
        writer, framing = self._connections.get(peer, (None, None))
        if writer is None or framing is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > MAX_UNSENT:
            logger.warning("{} does not read what it is sent and is disconnected", peer)
            writer.transport.abort()
            return
        writer.write(framing.frame(packet))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("peername")[:2]
        peer = Peer(self.name if is_loopback(host) else REMOTE, host, port)
        try:
            if self._has_room(peer):
                await self._follow(peer, reader, writer)
        except (OSError, BadStream) as error:
            logger.info("{} is disconnected: {}", peer, error)
        finally:
            if self._gate:
                self._gate.leave(peer)
            self._connections.pop(peer, None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _has_room(self, peer: Peer) -> bool:
        if peer.is_remote:
            return self._gate is not None and self._gate.enter(peer)
        return sum(not known.is_remote for known in self._connections) < MAX_CONNECTIONS

    async def _follow(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framing: Framing | None = None
        if peer.is_remote:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        while data := await self._read(peer, reader):
            limit = MAX_PACKET if self._gate is None or self._gate.is_admitted(peer) else LARGEST_HELLO
            if framing is None:
                framing = detected(data[0], limit)
                self._connections[peer] = (writer, framing)
            framing.limit = limit
            for packet in framing.feed(data):
                if not self._reception.take(peer, packet, limit):
                    raise BadStream("what it sent is not OSC")
                if self._gate and not self._gate.is_open(peer):
                    return

    async def _read(self, peer: Peer, reader: asyncio.StreamReader) -> bytes:
        """The next bytes; raises TimeoutError where another machine takes too long to say hello."""
        async with asyncio.timeout(self._gate.seconds_left(peer) if self._gate else None):
            return await reader.read(READ_BYTES)
