"""One conversation with the daemon: hello, requests until they are answered, results until they are placed."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Optional, Set

from . import osc
from .link import LONGEST, Link
from .osc import Value
from .refused import Refused

GREETING_SECONDS = 3.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
PING_SECONDS = 10.0
SILENCE_SECONDS = 25.0
SILENCE_OF_A_JOB_SECONDS = 6.0
"""While one is rendered, the daemon speaks once a second."""
TRIGGER_SECONDS = 2.0
MESSAGES_A_TURN = 32


class Events:
    """What the script does with what the daemon says; each method stands for one kind of news."""

    def silent(self) -> None:
        """Nobody answered the hello."""

    def welcome(self) -> None:
        """The daemon is there."""

    def rejected(self, message: str, cookie: str) -> None:
        """A request was refused."""

    def progress(self, job_id: str, fraction: float, stage: str) -> None:
        """How far a job is."""

    def result(self, job_id: str, clips: List[Dict[str, Value]], cookie: str) -> None:
        """A job is done; `confirm` is to be called once its clips are where they belong."""

    def described(self, job_id: str, description: Dict[str, Value], cookie: str) -> None:
        """What the daemon heard in a source; nothing has to be confirmed."""

    def ended(self, job_id: str, message: str, cookie: str) -> None:
        """A job ended without clips; the message is empty where it was cancelled."""

    def run(self, action: str, keys: Dict[str, Value]) -> None:
        """A pad, a control surface or the web page asks for an action."""


class _Request:
    def __init__(self, packet: bytes, renders: bool, cookie: str) -> None:
        self.packet, self.renders, self.cookie = packet, renders, cookie
        self.due, self.pause = 0.0, FIRST_PAUSE
        self.cancelled = False


class _Job:
    def __init__(self) -> None:
        self.clips: Dict[int, Dict[str, Value]] = {}
        self.description: Optional[Dict[str, Value]] = None
        self.is_ready = False


class Session:
    """Talks over `link` under the name `client`; `now` of each turn is in seconds."""

    def __init__(self, link: Link, client: str, version: str, on: Events) -> None:
        self._link, self._client, self._version, self._on = link, client, version, on
        self._prefix, self._numbers = "%08x" % random.getrandbits(32), 0
        self._now = self._heard = self._sent = 0.0
        self._greeted: Optional[float] = None
        self.is_open = False
        self._requests: Dict[str, _Request] = {}
        self._jobs: Dict[str, _Job] = {}
        self._finished: Set[str] = set()
        self._triggers: Dict[str, float] = {}

    def count(self) -> int:
        """How many requests and jobs are on their way."""
        waiting = sum(request.renders for request in self._requests.values())
        return waiting + sum(not job.is_ready for job in self._jobs.values())

    def request(self, address: str, keys: Dict[str, Value], renders: bool = False) -> None:
        """Send a request until it is answered. `renders`: whether it makes a job. Raises Refused where it is too long."""
        self._numbers += 1
        request_id = "%s-%d" % (self._prefix, self._numbers)
        values: List[Value] = [request_id]
        for key, value in keys.items():
            values += [key, value]
        packet = osc.encode(address, values)
        if len(packet) > LONGEST:
            raise Refused("Prompt and lyrics are too long: %d bytes, %d is the most." % (len(packet), LONGEST))
        self._requests[request_id] = _Request(packet, renders, str(keys.get("cookie", "")))

    def cancel_all(self) -> int:
        """End all that is on its way, what the daemon has not taken yet as soon as it has; how much that was."""
        count = self.count()
        for request in self._requests.values():
            request.cancelled = request.renders
        for job_id, job in list(self._jobs.items()):
            if not job.is_ready:
                self._cancel(job_id)
        return count

    def confirm(self, job_id: str) -> None:
        """Tell the daemon that a result is where it belongs."""
        self._jobs.pop(job_id, None)
        self._finished.add(job_id)
        self._send("/punchin/received", [job_id])

    def turn(self, now: float) -> None:
        """Hear what has come, and say what is due; to be called some times a second."""
        self._now = now
        for _ in range(MESSAGES_A_TURN):
            packet = self._link.receive()
            if packet is None:
                break
            self._hear(packet)
        self._keep_up()

    def _send(self, address: str, values: List[Value]) -> None:
        self._sent = self._now
        self._link.send(osc.encode(address, values))

    def _cancel(self, job_id: str) -> None:
        self.request("/punchin/cancel", {"job": job_id})

    def _job(self, job_id: str) -> _Job:
        return self._jobs.setdefault(job_id, _Job())

    def _hear(self, packet: bytes) -> None:
        try:
            address, values = osc.decode(packet)
        except osc.NotOsc:
            return
        self._heard = self._now
        heard: Optional[Callable[[Session, List[Any]], None]] = _HEARD.get(address)
        if heard is not None:
            heard(self, values)

    def _keep_up(self) -> None:
        patience = SILENCE_OF_A_JOB_SECONDS if self.count() else SILENCE_SECONDS
        if not self.is_open or self._now - self._heard > patience:
            self._greet()
            return
        for request in list(self._requests.values()):
            if self._now >= request.due:
                request.due, request.pause = self._now + request.pause, min(2 * request.pause, LONGEST_PAUSE)
                self._sent = self._now
                self._link.send(request.packet)
        if self._now - self._sent > PING_SECONDS:
            self._numbers += 1
            self._send("/punchin/ping", ["%s-%d" % (self._prefix, self._numbers)])

    def _greet(self) -> None:
        if self._greeted is not None and self._now - self._greeted < GREETING_SECONDS:
            return
        was_asked, self._greeted, self.is_open = self._greeted is not None, self._now, False
        if not self._link.look_up() or was_asked:
            self._on.silent()
        self._numbers += 1
        hello: List[Value] = ["%s-%d" % (self._prefix, self._numbers), "client", self._client]
        self._send("/punchin/hello", hello + ["role", "daw", "daw", "live", "version", self._version])

    # What the daemon says

    def _welcome(self, _: List[Any]) -> None:
        self.is_open = True
        for request in self._requests.values():
            request.due, request.pause = 0.0, FIRST_PAUSE
        self._on.welcome()

    def _accepted(self, values: List[Any]) -> None:
        request = self._requests.pop(values[0], None)
        if request is not None and request.renders and values[1] not in self._finished:
            self._job(values[1])
            if request.cancelled:
                self._cancel(values[1])

    def _rejected(self, values: List[Any]) -> None:
        request = self._requests.pop(values[0], None)
        if request is not None:
            self._on.rejected(values[2], request.cookie)

    def _progress(self, values: List[Any]) -> None:
        if values[0] not in self._finished:
            # a job may be one of an earlier Live, and can be cancelled as others
            self._job(values[0])
            self._on.progress(values[0], values[1], values[2])

    def _clip(self, values: List[Any]) -> None:
        if values[0] not in self._finished:
            clip = osc.pairs(values, 4)
            clip["path"] = values[3]
            self._job(values[0]).clips[values[1]] = clip

    def _description(self, values: List[Any]) -> None:
        if values[0] not in self._finished:
            self._job(values[0]).description = osc.pairs(values, 1)

    def _done(self, values: List[Any]) -> None:
        job_id, count, cookie = values[:3]
        if job_id in self._finished:
            self.confirm(job_id)
            return
        job = self._job(job_id)
        # what got lost comes again with the next done
        if job.is_ready or any(index not in job.clips for index in range(count)):
            return
        if count:
            job.is_ready = True
            self._on.result(job_id, [job.clips[index] for index in range(count)], cookie)
        elif job.description is not None:
            self._on.described(job_id, job.description, cookie)
            self.confirm(job_id)

    def _failed(self, values: List[Any]) -> None:
        self._end(values[0], values[2], values[3])

    def _cancelled(self, values: List[Any]) -> None:
        self._end(values[0], "", values[1])

    def _end(self, job_id: str, message: str, cookie: str) -> None:
        if job_id not in self._finished:
            self._on.ended(job_id, message, cookie)
        self.confirm(job_id)

    def _run(self, values: List[Any]) -> None:
        # a datagram may come twice, and nobody wants two jobs of one click; ids are only the sender's own, and come again
        heard = self._triggers.get(values[0])
        self._triggers[values[0]] = self._now
        if heard is None or self._now - heard > TRIGGER_SECONDS:
            self._on.run(values[1], osc.pairs(values, 2))


_HEARD: Dict[str, Callable[[Session, List[Any]], None]] = {
    "/punchin/welcome": Session._welcome,
    "/punchin/accepted": Session._accepted,
    "/punchin/rejected": Session._rejected,
    "/punchin/progress": Session._progress,
    "/punchin/clip": Session._clip,
    "/punchin/description": Session._description,
    "/punchin/done": Session._done,
    "/punchin/failed": Session._failed,
    "/punchin/cancelled": Session._cancelled,
    "/punchin/run": Session._run,
}
