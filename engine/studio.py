"""The façade: submit, cancel, retry, watch. Whoever uses punchin as a library needs nothing else."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from loguru import logger

from engine import pausing
from engine.admission import admitted
from engine.backends import registry
from engine.backends.base import Description
from engine.errors import Busy, CannotStart, InvalidSpec, NotFound
from engine.jobs import Job, JobState, Origin, Progress
from engine.lane import Lane
from engine.spec import RenderSpec
from engine.store import Store
from engine.supervisor import Patience
from engine.units import ClientId, JobId, RequestId, Seconds

QUEUE_BOUND = 200
"""More queued jobs than this are refused as `busy`."""
KEPT_SECONDS = 90 * 24 * 3600.0
KEPT_JOBS = 10_000
"""Delivered jobs that are older, or not among so many of the latest, leave the table when a studio starts."""

Watcher = Callable[[Job, Progress], None]


class Studio:
    """Takes specs, keeps jobs on disk, has them rendered one at a time an engine, and tells watchers of every change.

    Safe to call from any thread. Watchers are called from the threads of the lanes and must return quickly.
    Raises CannotStart where the state folder cannot be used.
    """

    def __init__(
        self, state: Path, *, engines: Mapping[str, Description] | None = None, patience: Patience | None = None
    ) -> None:
        self.engines = dict(registry.installed() if engines is None else engines)
        self.state = state
        _require_writable(state)
        self.store = Store(state / "jobs.sqlite")
        self._watchers: list[Watcher] = []
        self._changed = threading.Condition()
        self._submitting = threading.Lock()
        self._lanes = {
            name: Lane(engine, self.store, state / "clips", patience or Patience(), self._announce)
            for name, engine in self.engines.items()
        }
        if self.paused:
            self._pause_lanes()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Take up what an earlier run left, then render."""
        self._prune()
        for job in self.store.in_state(JobState.RENDERING, JobState.INTERRUPTED):
            lane = self._lanes.get(job.engine)
            if lane:
                lane.take_up(job)
        for lane in self._lanes.values():
            lane.start()

    def close(self) -> None:
        """Stop rendering; a job in the middle is queued again by the next start."""
        for lane in self._lanes.values():
            lane.close()
        self.store.close()

    @property
    def paused(self) -> bool:
        """Whether queued jobs wait until `resume`."""
        return pausing.is_paused(self.state)

    def pause(self) -> None:
        """Stop rendering and free the memory of all engines, until `resume`, over restarts as well.

        The job in the middle is queued again, new ones are taken. The engines' processes end within half a second or so.
        Raises Busy.
        """
        pausing.pause(self.state)
        self._pause_lanes()

    def _pause_lanes(self) -> None:
        for lane in self._lanes.values():
            lane.pause()

    def resume(self) -> None:
        """Render what is queued. Raises Busy."""
        pausing.resume(self.state)
        for lane in self._lanes.values():
            lane.resume()

    def submit(self, spec: RenderSpec, origin: Origin | None = None) -> Job:
        """Keep a job and return it, queued; the same origin again returns the job that is there.

        Raises InvalidSpec, NotFound, Unsupported or Busy; then nothing was kept.
        """
        origin = origin or Origin(ClientId("library"), RequestId(secrets.token_hex(8)))
        with self._submitting:
            there = self.store.find(origin.client, origin.request_id)
            if there:
                return there
            settled, engine = admitted(spec, self.engines)
            if len(self.store.in_state(JobState.QUEUED)) >= QUEUE_BOUND:
                raise Busy(f"{QUEUE_BOUND} jobs are queued already: wait, or cancel some")
            job, _ = self.store.add(Job(JobId(secrets.token_hex(6)), origin, settled, engine.name))
        lane = self._lanes[engine.name]
        self._announce(job, lane.progress(job))
        lane.wake()
        return job

    def retry(self, job_id: JobId, changes: Mapping[str, Any], origin: Origin | None = None) -> Job:
        """Submit a job's spec again with some keys changed; without changes the clips are the same to the bit."""
        values = self.store.get(job_id).spec.model_dump(exclude_unset=True) | dict(changes)
        return self.submit(RenderSpec.parse(values), origin)

    def cancel(self, job_id: JobId) -> Job:
        """Stop a job; one that is cancelled already stays so. Raises NotFound, or InvalidSpec when it has ended otherwise."""
        job = self.store.get(job_id)
        if job.engine in self._lanes:
            job = self._lanes[job.engine].cancel(job_id)
        if job.state.is_final and job.state is not JobState.CANCELLED:
            raise InvalidSpec(f"job {job_id} is {job.state} already: there is nothing to cancel")
        return job

    def delivered(self, job_id: JobId, client: ClientId) -> bool:
        """Note that a client has a job's result; False where it is not that client's or has not ended."""
        try:
            job = self.store.get(job_id)
        except NotFound:
            return False
        if job.origin.client != client or not job.state.is_final:
            return False
        state = JobState.RECEIVED if job.state is JobState.RENDERED else job.state
        self.store.save(job.become(state, delivered=True))
        return True

    def progress(self, job_id: JobId) -> Progress:
        """How far a job is right now."""
        job = self.store.get(job_id)
        lane = self._lanes.get(job.engine)
        return lane.progress(job) if lane else Progress()

    def watch(self, watcher: Watcher) -> None:
        """Call `watcher` with job and progress at every change from now on."""
        self._watchers.append(watcher)

    def wait(self, job_id: JobId, timeout: Seconds | None = None) -> Job:
        """Block until a job has ended, and return it; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.store.get(job_id).state.is_final, timeout):
                raise TimeoutError(f"job {job_id} has not ended within {timeout} s")
        return self.store.get(job_id)

    def _prune(self) -> None:
        try:
            dropped = self.store.prune(time.time() - KEPT_SECONDS, KEPT_JOBS)
        except Busy as error:
            logger.warning("{}", error)
            return
        if dropped:
            logger.info("{} old jobs left the job table; their clips stay where they are", dropped)

    def _announce(self, job: Job, progress: Progress) -> None:
        if job.state.is_final:
            logger.info("job {} {} {}", job.id, job.spec.verb, f"{job.state} {job.code} {job.message}".strip())
        with self._changed:
            self._changed.notify_all()
        for watcher in self._watchers:
            watcher(job, progress)


def _require_writable(state: Path) -> None:
    probe = state / f".writable-{secrets.token_hex(4)}"
    try:
        state.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CannotStart(
            f"the state folder {state} cannot be written ({error.strerror}): "
            "correct its permissions or choose another with --state"
        ) from error
