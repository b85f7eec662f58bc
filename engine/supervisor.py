"""The parent's side of a worker: starts it, gives it one job at a time, notices death and hang, enforces cancel."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait

from loguru import logger

from engine import worker
from engine.backends.base import Description, Stage
from engine.errors import Cancelled, EngineDied, PunchinError, TimedOut
from engine.units import Seconds

POLL_SECONDS = 0.03
LONGEST_STEP_SECONDS = 1.0
"""What passes between two looks counts at most this much: while the machine slept, nobody could give a sign of life."""
_ENVIRONMENT = threading.Lock()
"""The environment belongs to the whole process, so one worker starts at a time."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker may keep silent, in seconds in which it was watched."""

    cancel: Seconds = Seconds(0.3)
    """After a cancel, before the process is killed."""
    heartbeat: Seconds = Seconds(30.0)
    """Without any sign of life."""
    progress: Seconds = Seconds(600.0)
    """Alive, but without any progress."""
    idle: Seconds = Seconds(0.0)
    """Without a job, before the process is ended and its memory freed; 0: never."""


class Refused(PunchinError):
    """What the worker answered instead of clips; `code` is the job's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # the class attribute is the default of an instance's


class Supervisor:
    """One worker process for one engine. It belongs to one thread; only the `cancelled` event of `run` comes from others."""

    def __init__(
        self, description: Description, patience: Patience, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._description = description
        self._patience = patience
        self._clock = clock
        self._process: multiprocessing.process.BaseProcess | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the worker, if one runs."""
        return self._process.pid if self._process and self._process.is_alive() else None

    def run(
        self, order: worker.Order, cancelled: threading.Event, advance: Callable[[float, Stage], None]
    ) -> worker.Finished:
        """Render one job; raises Cancelled, EngineDied, TimedOut, or Refused with the worker's own words.

        Once `cancelled` is set, the worker is asked to stop, and ended when that takes too long.
        """
        try:
            self._start_unless_running()
            self._pipe.send(order)
            return self._watched(cancelled, advance)
        except (BrokenPipeError, ConnectionResetError, EOFError) as error:
            raise self._died() from error

    def stop(self) -> None:
        """End the process."""
        if self._process is None:
            return
        self._process.kill()
        self._process.join()
        self._pipe.close()
        self._process = None

    def _start_unless_running(self) -> None:
        if self.pid is not None:
            return
        self.stop()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=worker.main, args=(theirs, self._description), name=f"punchin-{self._description.name}", daemon=True
        )
        with _given(self._description.environment):
            self._process.start()
        theirs.close()
        logger.info("worker of engine {} started, pid {}", self._description.name, self._process.pid)

    def _watched(self, cancelled: threading.Event, advance: Callable[[float, Stage], None]) -> worker.Finished:
        assert self._process is not None
        watched = alive_at = moved_at = 0.0
        looked_at = self._clock()
        asked_at: float | None = None
        told: worker.Advance | None = None
        flagged = False
        while True:
            if cancelled.is_set() and asked_at is None:
                self._pipe.send(worker.CANCEL)
                asked_at = watched
            ready = wait([self._pipe, self._process.sentinel], POLL_SECONDS)
            now = self._clock()
            watched += min(now - looked_at, LONGEST_STEP_SECONDS)
            looked_at = now
            if self._pipe in ready:
                alive_at = watched
                answer = self._pipe.recv()
                finished = _outcome(answer, cancelled=asked_at is not None)
                if finished is not None:
                    return finished
                if isinstance(answer, worker.Advance):
                    if answer != told:
                        moved_at, told = watched, answer
                    advance(answer.fraction, answer.stage)
            elif ready:
                raise self._died()
            if asked_at is not None and watched - asked_at > max(self._patience.cancel, self._description.longest_step):
                self.stop()
                raise Cancelled("cancelled; the engine did not stop by itself and was ended")
            if not flagged and self._is_suspect(watched - alive_at, watched - moved_at):
                flagged = True
                logger.warning(
                    "engine {} has made no progress for {:.0f} s; it is ended if that goes on",
                    self._description.name,
                    watched - moved_at,
                )
            self._check(watched - alive_at, watched - moved_at)

    def _is_suspect(self, silent: float, stuck: float) -> bool:
        """Whether half of the patience is gone."""
        return silent > self._patience.heartbeat / 2 or stuck > self._patience.progress / 2

    def _check(self, silent: float, stuck: float) -> None:
        if silent > self._patience.heartbeat:
            self.stop()
            raise TimedOut(
                f"the engine gave no sign of life for {silent:.0f} s and was ended; the next job starts a new one"
            )
        if stuck > self._patience.progress:
            self.stop()
            raise TimedOut(
                f"the engine made no progress for {stuck:.0f} s and was ended; the next job starts a new one"
            )

    def _died(self) -> EngineDied:
        assert self._process is not None
        self._process.join(1.0)
        exit_code = self._process.exitcode
        self.stop()
        if exit_code is not None and exit_code < 0:
            why = f"was killed by signal {-exit_code}; the system does so when memory runs out"
        else:
            why = f"ended with exit code {exit_code}"
        return EngineDied(f"the engine's process {why}. Nothing was written; retry starts a new one")


@contextlib.contextmanager
def _given(environment: Mapping[str, str]) -> Iterator[None]:
    """Start what is started within with these variables, but for those that are set already."""
    with _ENVIRONMENT:
        added = {name: value for name, value in environment.items() if name not in os.environ}
        os.environ.update(added)
        try:
            yield
        finally:
            for name in added:
                del os.environ[name]


def _outcome(answer: worker.Answer, *, cancelled: bool) -> worker.Finished | None:
    """The result if the job is done, None if it goes on; raises when it ended otherwise."""
    match answer:
        case worker.Finished() if cancelled:
            raise Cancelled("cancelled when it was nearly done")
        case worker.Finished():
            return answer
        case worker.Failed(code, message):
            raise Cancelled(message) if code == Cancelled.code else Refused(code, message)
        case _:
            return None
