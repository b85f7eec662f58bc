"""In which order an engine's queued jobs are rendered: as they came, but short ones before long ones.

Pure functions of what the store keeps, so that the order is the same after a restart.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from engine.jobs import ClipFile
from engine.spec import RenderSpec, Verb
from engine.units import JobId, Seconds

SHORT_SECONDS = 30.0
"""A job is short when all its takes together last at most this long."""
MOST_OVERTAKES = 4
"""How many short jobs that came later go before the long one that is next; then it goes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the order needs to know of a queued job."""

    id: JobId
    arrival: int
    """Counted over all jobs of the store."""
    verb: Verb
    seconds: Seconds | None
    """Audio to render, all takes together; None where it depends on the source."""
    short: bool
    overtaken: int = 0
    """Short jobs that came later and went before it while it was the next long one."""


def seconds_asked(spec: RenderSpec) -> Seconds | None:
    """Audio that a spec asks for, all takes together; None where only the source's file says it.

    A continuation counts its whole selection: how much of it the source holds already is not known yet.
    """
    match spec.verb:
        case Verb.GENERATE:
            once = spec.seconds
        case Verb.REPAINT | Verb.CONTINUE:
            once = Seconds(sum(end - start for start, end in spec.selections))
        case _ if spec.source_length is not None:
            once = Seconds(spec.source_length)
        case _:
            return None
    return Seconds(once * spec.takes)


def seconds_made(clips: Sequence[ClipFile]) -> Seconds:
    """Audio that a job has rendered, all takes together; stems of one rendering count once."""
    return Seconds(sum(clip.frames / clip.sample_rate for clip in clips if clip.track == clips[0].track))


def is_short(spec: RenderSpec) -> bool:
    """Whether somebody waits for this job at the selection: a repaint, or not much audio."""
    seconds = seconds_asked(spec)
    return spec.verb is Verb.REPAINT or (seconds is not None and seconds <= SHORT_SECONDS)


def in_order(waiting: Sequence[Waiting]) -> list[Waiting]:
    """Queued jobs of one engine, given in order of arrival, in the order in which they are rendered."""
    short = deque(job for job in waiting if job.short)
    long = deque(job for job in waiting if not job.short)
    ordered: list[Waiting] = []
    overtaken = long[0].overtaken if long else 0
    while short and long:
        if short[0].arrival < long[0].arrival:
            ordered.append(short.popleft())
        elif overtaken < MOST_OVERTAKES:
            overtaken += 1
            ordered.append(short.popleft())
        else:
            ordered.append(long.popleft())
            overtaken = long[0].overtaken if long else 0
    return [*ordered, *short, *long]
