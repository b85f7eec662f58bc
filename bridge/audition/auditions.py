"""Requests to the player's orders, and its answers to replies."""

from collections.abc import Callable
from functools import partial

from bridge.audition import choice
from bridge.audition.desk import Desk
from bridge.audition.orders import Answer, Ended, Refused, Started
from bridge.protocol import messages as m
from bridge.protocol.messages import Message
from engine.jobs import Job
from engine.units import ClientId

REMEMBERED = 64
"""Requests that are told apart from their own repetitions."""

Asked = tuple[ClientId, str]


class Auditions:
    """Answers audition and stop. The same request again is answered as before: nothing is played twice."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._answers: dict[Asked, tuple[Message, ...]] = {}

    def play(self, asked: Asked, job: Job, request: m.Audition, tell: Callable[[Message], None]) -> None:
        """Play a take of a job; `tell` gets the replies. Raises InvalidSpec and NotFound."""
        if asked in self._answers:
            for answer in self._answers[asked]:
                tell(answer)
            return
        order = choice.order(self._desk.next_number(), job, request, self._desk.output)
        self._remember(asked)
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
        if len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]
