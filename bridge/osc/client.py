"""A client of the daemon over UDP: what `punchin send`, the demo and tests speak with."""

import secrets
import socket
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Any, Self

from bridge.osc.guard import BadPacket, messages
from bridge.protocol import messages as m
from bridge.protocol.codec import decode_reply, encode, encode_request
from bridge.protocol.messages import Message
from engine.errors import NoDaemon, TooLarge
from engine.spec import Verb

MAX_DATAGRAM = 8 * 1024
LARGEST_REPLY = 256 * 1024
LISTEN_SLICE_SECONDS = 0.1
KEEP_ALIVE_SECONDS = 20.0
"""While it waits, a client speaks this often: the daemon keeps results back from one that is silent for 60 s."""


class Client:
    """Sends requests and reads replies; blocks. Raises NoDaemon when nobody answers."""

    largest = MAX_DATAGRAM
    """Bytes of a request."""
    resend_seconds = 0.25
    no_answer_seconds = 5.0
    connections = 1
    """How many there were so far: an answer to what an earlier one carried may never come."""

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self._where = f"{host}:{port}"
        self._confirmed: set[str] = set()
        """Jobs whose result was taken: when it comes again, the daemon was not reached."""
        self._connect()

    def _connect(self) -> None:
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.connect(self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, verb: str, values: Mapping[str, Any] | None = None) -> Message:
        """Send a request until it is answered, and return the first reply that names it; raises NoDaemon."""
        return next(self.asking(verb, values))

    def asking(self, verb: str, values: Mapping[str, Any] | None = None) -> Iterator[Message]:
        """Send a request until it is answered, and yield every reply from then on, whichever request it belongs to.

        Keeps the client's lease alive while it waits for more.
        """
        request_id = secrets.token_hex(8)
        packet = encode_request(f"/punchin/{verb}", request_id, values or {})
        if len(packet) > self.largest:
            raise TooLarge(
                f"the request has {len(packet)} bytes, at most {self.largest} are taken: shorten lyrics or prompt"
            )
        asked_at = time.monotonic()
        sent_at = 0.0
        answered = False
        while True:
            now = time.monotonic()
            if not answered and now - asked_at > self.no_answer_seconds:
                raise NoDaemon(f"nobody answers at {self._where}: start the daemon with `punchin serve`")
            if not answered and now - sent_at > self.resend_seconds:
                self._send(packet)
                sent_at = now
            elif now - sent_at > KEEP_ALIVE_SECONDS:
                self.tell(m.Ping(request_id=secrets.token_hex(8)))
                sent_at = now
            for reply in self.replies(LISTEN_SLICE_SECONDS):
                answered = answered or _names(reply, request_id)
                if answered:
                    yield reply

    def render(self, verb: str, values: Mapping[str, Any]) -> Iterator[Message]:
        """As `rendering`, with the result confirmed."""
        with closing(self.rendering(verb, values)) as replies:
            for reply in replies:
                if isinstance(reply, m.Done | m.Failed | m.Cancelled):
                    self.confirm(reply.job_id)
                yield reply

    def rendering(self, verb: str, values: Mapping[str, Any]) -> Generator[Message, None, None]:
        """Send a request that renders and yield its replies up to the last: done, failed, cancelled or rejected.

        Clips, or the description, come once each, in order, when all are there. Whoever leaves early, by Ctrl+C for
        instance, cancels the job.
        """
        unfinished: str | None = None
        results: dict[int, m.ClipReady | m.Described] = {}
        descriptions = int(verb == Verb.UNDERSTAND)
        try:
            for reply in self.asking(verb, values):
                match reply:
                    case m.Accepted() if unfinished is None:
                        unfinished = reply.job_id
                        yield reply
                    case m.Rejected() if unfinished is None:
                        yield reply
                        return
                    case m.Progressed() if reply.job_id == unfinished:
                        yield reply
                    case m.ClipReady() | m.Described() if reply.job_id == unfinished:
                        results[getattr(reply, "index", 0)] = reply
                    case m.Done() if reply.job_id == unfinished and len(results) < reply.count + descriptions:
                        # Something was lost or overtaken: what is not confirmed comes again.
                        continue
                    case m.Done() | m.Failed() | m.Cancelled() if reply.job_id == unfinished:
                        unfinished = None
                        yield from (results[index] for index in sorted(results))
                        yield reply
                        return
                    case m.Done() | m.Failed() | m.Cancelled() if reply.job_id in self._confirmed:
                        self.confirm(reply.job_id)
        finally:
            if unfinished:
                self.tell(m.Cancel(request_id=secrets.token_hex(8), job=unfinished))

    def confirm(self, job_id: str) -> None:
        """Say that a result is here; should the daemon not hear it and send the result again, it is said again."""
        self._confirmed.add(job_id)
        self.tell(m.Received(job_id=job_id))

    def tell(self, message: Message) -> None:
        """Send one message without waiting."""
        self._send(encode(message))

    def replies(self, seconds: float) -> Iterator[Message]:
        """What arrives within a time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for packet in self._arrived(left):
                try:
                    incoming = messages(packet, limit=LARGEST_REPLY)
                except BadPacket:
                    continue
                for message in incoming:
                    reply = decode_reply(message.address, message.arguments)
                    if reply:
                        yield reply

    def _arrived(self, seconds: float) -> list[bytes]:
        """The packets of one read, none where nothing came in time."""
        self._socket.settimeout(seconds)
        try:
            return [self._socket.recv(65536)]
        except (TimeoutError, ConnectionError):
            # A refused connection only says that nobody listens yet.
            return []

    def _send(self, packet: bytes) -> None:
        try:
            self._socket.send(packet)
        except ConnectionError:
            # The system tells of an earlier datagram that nobody took; this one was sent all the same or will be again.
            return


def _names(reply: Message, request_id: str) -> bool:
    """Whether a reply is the answer to a request; listings do not name it, only their end does."""
    listing = isinstance(reply, m.JobListed | m.PresetListed | m.ModelListed)
    return listing or getattr(reply, "request_id", None) == request_id
