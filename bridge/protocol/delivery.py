"""Results, sent again and again until the client has them or falls silent. Knows no transport and reads no clock."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.protocol.describing import description
from bridge.protocol.messages import Cancelled, ClipReady, Done, Failed, Message
from engine.jobs import Job, JobState
from engine.units import ClientId, JobId

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LEASE_SECONDS = 60.0


def results(job: Job) -> list[Message]:
    """What a client is told of a job that has ended: its clips in order or its description, and `done`; or how it ended."""
    cookie = job.spec.cookie
    match job.state:
        case JobState.FAILED:
            return [Failed(job_id=job.id, code=job.code, message=job.message, cookie=cookie)]
        case JobState.CANCELLED:
            return [Cancelled(job_id=job.id, cookie=cookie)]
        case JobState.RENDERED | JobState.RECEIVED:
            described = [description(job, job.understanding)] if job.understanding else []
            return [*described, *_clips(job), Done(job_id=job.id, count=len(job.clips), cookie=cookie)]
        case _:
            return []


def _clips(job: Job) -> list[Message]:
    return [
        ClipReady(
            job_id=job.id,
            index=index,
            count=len(job.clips),
            path=clip.path,
            take=clip.take,
            track=clip.track,
            start=clip.start,
            frames=clip.frames,
            sample_rate=clip.sample_rate,
            channels=clip.channels,
            seed=clip.seed,
            peak_db=clip.peak_db,
            lufs=clip.lufs,
            beat_error_ms=clip.beat_error_ms,
            silent=clip.silent,
            engine=job.engine,
            compute_seconds=clip.compute_seconds,
            position=job.spec.position,
            note=clip.note or None,
            score=clip.score,
            midi=clip.midi,
            lrc=clip.lrc,
            cookie=job.spec.cookie,
        )
        for index, clip in enumerate(job.clips)
    ]


@dataclass(slots=True)
class _Pending:
    job: Job
    due: float
    pause: float = FIRST_PAUSE_SECONDS


class Delivery:
    """What each client has not received yet. `send` takes the client's name and one message; times are monotonic seconds."""

    def __init__(self, send: Callable[[ClientId, Message], None]) -> None:
        self._send = send
        self._pending: dict[JobId, _Pending] = {}
        self._heard: dict[ClientId, float] = {}

    def heard(self, client: ClientId, now: float) -> None:
        """Renew a client's lease."""
        self._heard[client] = now

    def is_live(self, client: ClientId, now: float) -> bool:
        """Whether the client's lease runs."""
        return now - self._heard.get(client, -LEASE_SECONDS) < LEASE_SECONDS

    def add(self, job: Job, now: float) -> None:
        """Deliver a job that has ended, from now on."""
        self._pending[job.id] = _Pending(job, now)
        self.tick(now)

    def received(self, job_id: JobId) -> None:
        """Stop sending a job's result."""
        self._pending.pop(job_id, None)

    def again(self, client: ClientId, now: float) -> None:
        """Send all that a client has not received, in the order in which it ended, at once."""
        for pending in self._pending.values():
            if pending.job.origin.client == client:
                pending.due, pending.pause = now, FIRST_PAUSE_SECONDS
        self.tick(now)

    def tick(self, now: float) -> None:
        """Send what is due to clients whose lease runs."""
        for pending in self._pending.values():
            client = pending.job.origin.client
            if pending.due > now or not self.is_live(client, now):
                continue
            for message in results(pending.job):
                self._send(client, message)
            pending.due = now + pending.pause
            pending.pause = min(2 * pending.pause, LONGEST_PAUSE_SECONDS)
