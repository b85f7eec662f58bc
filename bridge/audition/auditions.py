"""Requests to the player's orders, and its answers to replies."""

import time
from collections.abc import Callable
from functools import partial

from bridge.audition import choice
from bridge.audition.desk import Desk
from bridge.audition.orders import Answer, Ended, Refused, Started
from bridge.protocol import messages as m
from bridge.protocol.messages import Message
from engine.jobs import Job
from engine.units import ClientId

REPEATED_SECONDS = 2.0
"""So long after its answer the same request is one whose answer was lost; later it is another press on a simple surface."""

Asked = tuple[ClientId, str]


class Auditions:
    """Answers audition and stop. The same request again is answered as before: nothing is played twice."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._clock = clock
        self._answers: dict[Asked, tuple[Message, ...]] = {}
        """To requests that were not answered yet, or a moment ago."""
        self._answered_at: dict[Asked, float] = {}

    def play(self, asked: Asked, job: Job, request: m.Audition, tell: Callable[[Message], None]) -> None:
        """Play a take of a job; `tell` gets the replies. Raises InvalidSpec and NotFound."""
        self._forget()
        if asked in self._answers:
            for answer in self._answers[asked]:
                tell(answer)
            return
        order = choice.order(self._desk.next_number(), job, request, self._desk.output)
        self._answers[asked] = ()
        self._desk.play(order, partial(self._answered, asked, job, request, tell))

    def stop(self) -> None:
        """Stop what plays."""
        self._desk.stop()

    def _answered(
        self, asked: Asked, job: Job, request: m.Audition, tell: Callable[[Message], None], answer: Answer
    ) -> None:
        match answer:
            case Started():
                accepted = m.Accepted(request_id=request.request_id, job_id=job.id)
                playing = m.Playing(
                    job_id=job.id,
                    take=request.take,
                    device=answer.device,
                    latency=answer.latency,
                    sample_rate=answer.sample_rate,
                    seconds=answer.seconds,
                    gain_db=answer.gain_db,
                )
                self._remember(asked, accepted, playing)
                tell(accepted)
                tell(playing)
            case Refused():
                rejected = m.Rejected(request_id=request.request_id, code=answer.code, message=answer.message)
                self._remember(asked, rejected)
                tell(rejected)
            case Ended():
                tell(m.Stopped(job_id=job.id, reason=answer.reason, underruns=answer.underruns))

    def _remember(self, asked: Asked, *answers: Message) -> None:
        self._answers[asked] = answers
        self._answered_at[asked] = self._clock()

    def _forget(self) -> None:
        now = self._clock()
        for asked in [asked for asked, at in self._answered_at.items() if now - at > REPEATED_SECONDS]:
            del self._answered_at[asked], self._answers[asked]
