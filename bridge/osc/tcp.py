"""OSC over TCP: for what does not fit a datagram. A slow or broken peer ends alone."""

import asyncio
import contextlib
from typing import Self

from loguru import logger

from bridge.osc.framing import BadStream, Framing, detected
from bridge.osc.loopback import bound
from bridge.osc.reception import Reception
from bridge.protocol.peer import Peer

MAX_PACKET = 256 * 1024
MAX_CONNECTIONS = 64
MAX_UNSENT = 1024 * 1024
"""Bytes that wait for a peer that does not read; beyond it the connection is ended."""
READ_BYTES = 65536


class TcpTransport:
    """The daemon's TCP server. Raises CannotStart from `open` when the port cannot be had."""

    name = "tcp"

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Peer, tuple[asyncio.StreamWriter, Framing]] = {}

    async def open(self, host: str, port: int) -> Self:
        """Listen on both loopbacks."""
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
        peer = Peer(self.name, host, port)
        try:
            if len(self._connections) < MAX_CONNECTIONS:
                await self._follow(peer, reader, writer)
        except (OSError, BadStream) as error:
            logger.info("{} is disconnected: {}", peer, error)
        finally:
            self._connections.pop(peer, None)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _follow(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framing: Framing | None = None
        while data := await reader.read(READ_BYTES):
            if framing is None:
                framing = detected(data[0], MAX_PACKET)
                self._connections[peer] = (writer, framing)
            for packet in framing.feed(data):
                if not self._reception.take(peer, packet, MAX_PACKET):
                    raise BadStream("what it sent is not OSC")
