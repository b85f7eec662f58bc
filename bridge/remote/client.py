"""A client of a daemon on another machine: TCP with length prefixes, a hello with the token, and patience with the network."""

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from bridge.osc.client import Client
from bridge.osc.framing import BadStream, LengthPrefix
from bridge.osc.guard import BadPacket, messages
from bridge.osc.tcp import MAX_PACKET
from bridge.protocol import messages as m
from bridge.protocol.codec import decode_reply, encode
from bridge.protocol.messages import Message
from bridge.remote.gate import LONGEST_NAME
from engine.errors import NoDaemon, Unauthorized

CONNECT_SECONDS = 5.0
SEND_SECONDS = 30.0
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Between attempts to take up a connection that was lost."""


class TcpClient(Client):
    """Blocks, and connects again where the connection is lost.

    `name`: what the daemon knows this client by; uploads and results belong to it. Raises NoDaemon when nobody answers,
    Unauthorized when the token is not the daemon's.
    """

    largest = MAX_PACKET
    resend_seconds = 2.0
    no_answer_seconds = 20.0

    def __init__(self, host: str, port: int, name: str, token: str | None) -> None:
        self._name = name
        self._token = token
        self.connections = 0
        super().__init__(host, port)

    def _connect(self) -> None:
        try:
            self._socket = socket.create_connection(self.address, CONNECT_SECONDS)
        except OSError as error:
            raise NoDaemon(
                f"nobody answers at {self._where} ({error.strerror or error}): start the daemon there with "
                f"`punchin serve --host 0.0.0.0`"
            ) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._framing = LengthPrefix(MAX_PACKET)
        self._early: list[bytes] = []
        try:
            self._say_hello()
        except (OSError, BadStream):
            self._socket.close()
            raise NoDaemon(
                f"{self._where} ends the connection: it is no punchin, has too many clients, or was sent wrong tokens; "
                "wait some minutes"
            ) from None
        except Unauthorized:
            self._socket.close()
            raise
        self.connections += 1

    def _say_hello(self) -> None:
        """Wait for the welcome; what comes with it is kept."""
        request_id = secrets.token_hex(8)
        hello = m.Hello(request_id=request_id, client=self._name, version=version("punchin"), token=self._token)
        self._socket.sendall(self._framing.frame(encode(hello)))
        until = time.monotonic() + self.no_answer_seconds
        while (left := until - time.monotonic()) > 0:
            packets = self._read(left)
            for number, packet in enumerate(packets):
                match _reply(packet):
                    case m.Welcome(request_id=answered) if answered == request_id:
                        self._early += packets[:number] + packets[number + 1 :]
                        return
                    case m.Rejected(request_id=answered) as reply if answered == request_id:
                        raise Unauthorized(reply.message)
            self._early += packets
        raise TimeoutError

    def _read(self, seconds: float) -> list[bytes]:
        """The packets that the next bytes complete; raises ConnectionError at the end of the stream, and BadStream."""
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return []
        if not data:
            raise ConnectionError
        return self._framing.feed(data)

    def _arrived(self, seconds: float) -> list[bytes]:
        early, self._early = self._early, []
        if early:
            return early
        try:
            return self._read(seconds)
        except (OSError, BadStream):
            self._connect_again()
            return []

    def _send(self, packet: bytes) -> None:
        """Send a packet; one that a broken connection takes with it is sent again by whoever waits for its answer."""
        self._socket.settimeout(SEND_SECONDS)
        try:
            self._socket.sendall(self._framing.frame(packet))
        except OSError:
            self._connect_again()

    def _connect_again(self) -> None:
        self._socket.close()
        for pause in PAUSES_SECONDS:
            time.sleep(pause)
            try:
                self._connect()
            except NoDaemon:
                continue
            else:
                return
        raise NoDaemon(f"the connection to {self._where} was lost")


def _reply(packet: bytes) -> Message | None:
    try:
        (incoming,) = messages(packet, MAX_PACKET)
    except (BadPacket, ValueError):
        return None
    return decode_reply(incoming.address, incoming.arguments)


@contextmanager
def own_name(state: Path) -> Iterator[str]:
    """A client's name that stays the same from one command to the next, and is no other's that runs at the same time."""
    state.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()[: LONGEST_NAME - 8]
    number = 0
    while True:
        number += 1
        lock = FileLock(state / f"client-{number}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        try:
            yield f"{host}-{number}"
        finally:
            lock.release()
        return
