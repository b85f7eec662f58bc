"""Stands between the network and the service: whoever comes from another machine says hello with the token first.

Everything here runs in the event loop's thread. What comes from this machine passes untouched.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from bridge.osc.guard import MAX_DATAGRAM
from bridge.protocol.codec import BadRequest, decode, encode
from bridge.protocol.messages import Hello, Rejected
from bridge.protocol.peer import Peer
from bridge.remote import token
from bridge.remote.names import PREFIX
from engine.errors import CannotStart, InvalidSpec, PunchinError, Unauthorized

HELLO_SECONDS = 10.0
"""How long a connection may take to say hello."""
LARGEST_HELLO = MAX_DATAGRAM
"""Bytes of a packet before the hello."""
FAILURES = 3
"""What is not a hello with the token, so often, ends the connection and closes the gate to its host."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
"""How long the gate stays closed to a host, doubling with every further failure."""
MAX_WAITING = 16
"""Connections that have not said hello yet."""
MAX_WAITING_A_HOST = 4
MAX_ADMITTED = 32
KNOWN_HOSTS = 1024
LONGEST_NAME = 64 - len(PREFIX)

Receive = Callable[[Peer, str, tuple[Any, ...]], None]


@dataclass(slots=True)
class _Host:
    failures: int = 0
    closed_until: float = 0.0


@dataclass(slots=True)
class _Connection:
    since: float
    failures: int = 0
    admitted: bool = field(default=False)


class Gate:
    """Knows which connections of other machines carry the token.

    `transmit` sends an answer; `read_token` gives the token of the moment, so that a new one holds from the next hello on.
    """

    def __init__(
        self,
        transmit: Callable[[Peer, bytes], None],
        read_token: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transmit = transmit
        self._read_token = read_token
        self._clock = clock
        self._connections: dict[Peer, _Connection] = {}
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    # The connection

    def enter(self, peer: Peer) -> bool:
        """Take note of a new connection; False where it is to be closed at once."""
        waiting = [known for known, connection in self._connections.items() if not connection.admitted]
        if (
            self._clock() < self._host(peer).closed_until
            or len(waiting) >= MAX_WAITING
            or sum(known.host == peer.host for known in waiting) >= MAX_WAITING_A_HOST
            or len(self._connections) - len(waiting) >= MAX_ADMITTED
        ):
            return False
        self._connections[peer] = _Connection(self._clock())
        return True

    def leave(self, peer: Peer) -> None:
        """Forget a connection that has ended."""
        self._connections.pop(peer, None)

    def is_open(self, peer: Peer) -> bool:
        """Whether a connection may go on."""
        return not peer.is_remote or peer in self._connections

    def is_admitted(self, peer: Peer) -> bool:
        """Whether a connection has the token, or needs none."""
        if not peer.is_remote:
            return True
        connection = self._connections.get(peer)
        return connection is not None and connection.admitted

    def seconds_left(self, peer: Peer) -> float | None:
        """How long a connection may still take to say hello; None where it has, or need not."""
        if self.is_admitted(peer) or peer not in self._connections:
            return None
        return max(self._connections[peer].since + HELLO_SECONDS - self._clock(), 0.0)

    # Messages

    def receive(self, onward: Receive, peer: Peer, address: str, arguments: tuple[Any, ...]) -> None:
        """Pass a message on, or refuse it."""
        if not peer.is_remote or (self.is_admitted(peer) and address != Hello.address):
            onward(peer, address, arguments)
            return
        if peer not in self._connections:
            return
        try:
            greeting = self._greeting(address, arguments)
        except (PunchinError, BadRequest) as error:
            request_id = arguments[0] if arguments and isinstance(arguments[0], str) else ""
            self._transmit(peer, encode(Rejected(request_id=request_id, code=error.code, message=str(error))))
            self._failed(peer)
        else:
            self._hosts.pop(peer.host, None)
            self._connections[peer].admitted = True
            onward(peer, address, greeting)

    def send(self, peer: Peer, packet: bytes) -> None:
        """Send a message of the service; a connection that has not said hello gets none that is meant for an earlier one."""
        if self.is_admitted(peer):
            self._transmit(peer, packet)

    def _greeting(self, address: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The hello as the service gets it: without the token, under a name that no client of this machine has."""
        if address != Hello.address:
            raise Unauthorized("say hello with the token first; `punchin token` prints it on the daemon's machine")
        hello = decode(address, arguments, {})
        assert isinstance(hello, Hello)
        if not token.matches(hello.token, self._expected()):
            raise Unauthorized("token: is missing or wrong; `punchin token` prints it on the daemon's machine")
        if len(hello.client) > LONGEST_NAME:
            raise InvalidSpec(f"client: must be at most {LONGEST_NAME} characters from another machine")
        values = hello.model_dump(exclude={"request_id", "reply_port", "token"}, exclude_none=True)
        values["client"] = PREFIX + hello.client
        return (hello.request_id, *(part for pair in values.items() for part in pair))

    def _expected(self) -> str | None:
        try:
            return self._read_token()
        except CannotStart as error:
            logger.error("nobody is let in: {}", error)
            return None

    def _failed(self, peer: Peer) -> None:
        host, connection = self._host(peer), self._connections[peer]
        host.failures += 1
        connection.failures += 1
        if host.failures >= FAILURES:
            pause = min(FIRST_PAUSE_SECONDS * 2.0 ** (host.failures - FAILURES), LONGEST_PAUSE_SECONDS)
            host.closed_until = self._clock() + pause
            logger.warning("{} was refused {} times and is kept out for {:.0f} s", peer.host, host.failures, pause)
        if connection.failures >= FAILURES:
            self.leave(peer)

    def _host(self, peer: Peer) -> _Host:
        """What is known of a host; the one longest unheard of is forgotten."""
        host = self._hosts.pop(peer.host, None) or _Host()
        self._hosts[peer.host] = host
        if len(self._hosts) > KNOWN_HOSTS:
            self._hosts.popitem(last=False)
        return host
