"""What is to be expected of an engine's jobs: how long each takes, and when the queued ones are done."""

from dataclasses import dataclass

from engine.jobs import Progress
from engine.order import Waiting, seconds_asked
from engine.spec import RenderSpec, Verb
from engine.store import Store
from engine.units import JobId, Seconds

UNKNOWN = Seconds(-1.0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a queued job stands."""

    position: int
    """1 is next."""
    work: Seconds
    """Expected for this job and those queued before it; -1 when unknown."""


class Outlook:
    """One engine's queue, seen ahead by what its earlier jobs took. Safe to call from any thread."""

    def __init__(self, store: Store, engine: str) -> None:
        self._store = store
        self._engine = engine
        self._seen: tuple[int, dict[JobId, Place]] = (-1, {})

    def expected(self, spec: RenderSpec) -> Seconds:
        """How long a job will take once it renders; -1 when nothing like it was rendered yet."""
        return self._work(spec.verb, seconds_asked(spec))

    def progress(self, job_id: JobId, running: Seconds) -> Progress:
        """Place and time left of a queued job behind one that needs `running` seconds more (-1: unknown)."""
        place = self._places().get(job_id)
        if place is None:
            return Progress()
        known = running >= 0 and place.work >= 0
        return Progress(eta=Seconds(running + place.work) if known else UNKNOWN, position=place.position)

    def _places(self) -> dict[JobId, Place]:
        revision = self._store.revision
        seen_at, places = self._seen
        if seen_at != revision:
            places = self._foreseen(self._store.waiting(self._engine))
            self._seen = (revision, places)
        return places

    def _foreseen(self, waiting: list[Waiting]) -> dict[JobId, Place]:
        places: dict[JobId, Place] = {}
        total = 0.0
        for position, job in enumerate(waiting, 1):
            work = self._work(job.verb, job.seconds)
            total = total + work if total >= 0 and work >= 0 else UNKNOWN
            places[job.id] = Place(position, Seconds(total))
        return places

    def _work(self, verb: Verb, seconds: Seconds | None) -> Seconds:
        pace = self._store.pace(self._engine, verb)
        return UNKNOWN if pace is None or seconds is None else Seconds(pace * seconds)
