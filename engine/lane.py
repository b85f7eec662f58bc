"""One engine's jobs, rendered one after another by its worker."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from loguru import logger

from engine import files
from engine.backends.base import Description, Stage
from engine.errors import Busy, Cancelled, DiskFull, EngineError, Interrupted, PunchinError
from engine.jobs import ClipFile, Job, JobState, Progress
from engine.outlook import UNKNOWN, Outlook
from engine.spec import Verb
from engine.store import Store
from engine.supervisor import Patience, Supervisor
from engine.units import JobId, Seconds
from engine.worker import Order


class Lane:
    """A thread that takes an engine's queued jobs from the store and sees each to its end."""

    def __init__(
        self,
        engine: Description,
        store: Store,
        clips: Path,
        patience: Patience,
        announce: Callable[[Job, Progress], None],
    ) -> None:
        self._engine = engine
        self._store = store
        self._clips = clips
        self._announce = announce
        self._idle = patience.idle
        self._outlook = Outlook(store, engine.name)
        self._supervisor = Supervisor(engine, patience)
        self._thread = threading.Thread(target=self._run, name=f"lane-{engine.name}", daemon=True)
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._paused = threading.Event()
        self._lock = threading.RLock()
        self._current: JobId | None = None
        self._stopped = threading.Event()
        """The job that renders is to stop: it was cancelled, or the lane closes or pauses."""
        self._cancelled = False
        """It was the user who stopped that job."""
        self._progress = Progress()

    def start(self) -> None:
        """Begin to render."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue: something was added."""
        self._wake.set()

    def pause(self) -> None:
        """Stop rendering and end the worker, which frees its memory; the job in the middle is queued again."""
        with self._lock:
            self._paused.set()
            self._stopped.set()
        self._wake.set()

    def resume(self) -> None:
        """Render again."""
        self._paused.clear()
        self._wake.set()

    def close(self) -> None:
        """Stop rendering; the job in the middle is queued again, for the next start."""
        with self._lock:
            self._closing.set()
            self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._supervisor.stop()

    def progress(self, job: Job) -> Progress:
        """How far a job of this lane is."""
        if job.state.is_final:
            return Progress(1.0, Stage.WRITING, Seconds(0.0))
        if job.state is JobState.QUEUED:
            return self._outlook.progress(job.id, self._time_left())
        return self._progress if job.id == self._current else Progress()

    def cancel(self, job_id: JobId) -> Job:
        """Cancel a job that is queued at once; one that renders is cancelled when its compute has stopped."""
        with self._lock:
            job = self._store.get(job_id)
            if job.state is JobState.QUEUED:
                job = job.become(JobState.CANCELLED, code=Cancelled.code)
                self._store.save(job)
                self._announce(job, Progress())
            elif job_id == self._current:
                self._cancelled = True
                self._stopped.set()
        return job

    def take_up(self, job: Job) -> None:
        """Settle a job that an earlier daemon left in the middle."""
        if job.clips and all(clip.is_whole for clip in job.clips):
            self._publish(job)
            return
        files.remove_temporaries(self._directory(job), job.id)
        job = replace(job, clips=())
        if job.state is JobState.RENDERING:
            job = self._keep(job.become(JobState.INTERRUPTED, interruptions=job.interruptions + 1))
        if job.interruptions > 1:
            message = "punchin ended twice in the middle of this job; it is not tried again by itself"
            self._keep(job.become(JobState.FAILED, code=Interrupted.code, message=message))
        else:
            self._keep(job.become(JobState.QUEUED))

    def _directory(self, job: Job) -> Path:
        return job.spec.directory or self._clips / job.id

    def _time_left(self) -> Seconds:
        """Until the lane takes the next job; -1 when unknown."""
        if self._paused.is_set():
            return UNKNOWN
        return self._progress.eta if self._current else Seconds(0.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.clear()
            job = self._next()
            if job:
                self._render(job)
            elif self._paused.is_set():
                self._supervisor.stop()
                self._wake.wait()
            elif not self._wake.wait(self._idle or None) and self._supervisor.pid:
                logger.info("engine {} had no job for {:g} s: its process ends", self._engine.name, self._idle)
                self._supervisor.stop()

    def _next(self) -> Job | None:
        """Begin the next job, if there is one and rendering is not paused."""
        with self._lock:
            if self._paused.is_set() or self._closing.is_set():
                return None
            job = self._store.next_queued(self._engine.name)
            if job is None:
                return None
            self._stopped.clear()
            self._cancelled = False
            self._progress = Progress(0.0, Stage.LOADING, self._outlook.expected(job.spec))
            self._current = job.id
            return self._keep(job.become(JobState.RENDERING))

    def _render(self, job: Job) -> None:
        directory = self._directory(job)
        expected = self._progress.eta
        started = time.monotonic()

        def advance(fraction: float, stage: Stage) -> None:
            nonlocal started
            if self._progress.stage is Stage.LOADING:
                started = time.monotonic()
            elapsed = time.monotonic() - started
            if fraction > 0.02:
                left = elapsed * (1 - fraction) / fraction
            else:
                left = max(expected - elapsed, 0.0) if expected >= 0 else UNKNOWN
            self._progress = Progress(fraction, stage, Seconds(left))
            self._announce(job, self._progress)

        try:
            if job.spec.verb is not Verb.UNDERSTAND:
                directory.mkdir(parents=True, exist_ok=True)
            done = self._supervisor.run(Order(job.id, job.spec, directory), self._stopped, advance)
            took = Seconds(time.monotonic() - started)
            self._publish(replace(job, clips=done.clips, understanding=done.understanding, took=took))
        except Cancelled:
            files.remove_temporaries(directory, job.id)
            self._stop(job)
        except PunchinError as error:
            self._fail(job, error.code, str(error))
        except OSError as error:
            kind = DiskFull if error.errno in files.NO_ROOM else EngineError
            self._fail(job, kind.code, f"{directory} cannot be written: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001  a job must come to an end, whatever happens
            logger.exception("job {} failed in the lane", job.id)
            self._fail(job, EngineError.code, f"{type(error).__name__}: {error}")
        finally:
            self._current = None

    def _stop(self, job: Job) -> None:
        """Cancel a job whose compute has stopped, or queue it again where it was not the user who stopped it."""
        with self._lock:
            if self._cancelled:
                self._keep(job.become(JobState.CANCELLED, code=Cancelled.code))
            else:
                self._current = None
                self._keep(job.become(JobState.QUEUED))

    def _fail(self, job: Job, code: str, message: str) -> None:
        files.remove_temporaries(self._directory(job), job.id)
        self._keep(job.become(JobState.FAILED, code=code, message=message, clips=()))

    def _publish(self, job: Job) -> None:
        """Give the clips their final names, then call the job rendered.

        The names are on disk before the first move, so that a daemon that dies in between can go on where it stopped.
        """
        clips: list[ClipFile] = []
        for clip in job.clips:
            clips.append(clip)
            for name, temporary, suffix in (
                ("path", clip.temporary, clip.path.suffix),
                ("midi", clip.midi_temporary, ".mid"),
                ("lrc", clip.lrc_temporary, ".lrc"),
            ):
                while temporary and temporary.exists():
                    final = files.free_name(clips[-1].path.with_suffix(suffix))
                    clips[-1] = replace(clips[-1], **{name: final})  # type: ignore[arg-type]
                    self._store_patiently(replace(job, clips=(*clips, *job.clips[len(clips) :])))
                    try:
                        files.move_into_place(temporary, final)
                    except FileExistsError:
                        continue
        self._keep(replace(job, clips=tuple(clips)).become(JobState.RENDERED))

    def _keep(self, job: Job) -> Job:
        """Write a state change, then tell."""
        self._store_patiently(job)
        self._announce(job, self.progress(job))
        return job

    def _store_patiently(self, job: Job) -> None:
        """Write a job; a full disk is waited for, since what was not written must not be told."""
        while True:
            try:
                self._store.save(job)
            except Busy as error:
                logger.error("{}", error)
                if self._closing.wait(1.0):
                    raise
            else:
                return
