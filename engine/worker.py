"""The child process that holds one backend and its models. Nothing in here runs in the daemon.

The parent sends Order, "cancel" or "quit"; the child answers with Beat, Advance and one of Finished or Failed an order.
When the pipe closes, the parent is gone and the child ends at once, whatever it is doing.
"""

import importlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from engine.backends.base import Backend, Description, Stage
from engine.errors import Cancelled, OutOfMemory, PunchinError
from engine.jobs import ClipFile
from engine.spec import RenderSpec, Verb
from engine.understanding import Understanding
from engine.units import JobId

HEARTBEAT_SECONDS = 0.5
ADVANCE_SECONDS = 0.05
"""Engines report as often as they like; the parent hears of it at most this often, and of every new stage."""
CANCEL, QUIT = "cancel", "quit"


@dataclass(frozen=True, slots=True)
class Order:
    """One job for the worker."""

    job_id: JobId
    spec: RenderSpec
    directory: Path


@dataclass(frozen=True, slots=True)
class Beat:
    """The process is alive; sent while it renders."""


@dataclass(frozen=True, slots=True)
class Advance:
    """The job moved on."""

    fraction: float
    stage: Stage


@dataclass(frozen=True, slots=True)
class Finished:
    """All clips are on disk under their temporary names, or the source is understood."""

    clips: tuple[ClipFile, ...] = ()
    understanding: Understanding | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without clips."""

    code: str
    message: str


Answer = Beat | Advance | Finished | Failed


def main(pipe: Connection, description: Description) -> None:
    """Run until the parent says quit or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Worker(pipe, description).run()


class _Worker:
    def __init__(self, pipe: Connection, description: Description) -> None:
        self._pipe = pipe
        self._description = description
        self._backend: Backend | None = None
        self._sending = threading.Lock()
        self._orders: list[Order] = []
        self._changed = threading.Condition()
        self._cancelled = threading.Event()
        self._rendering = threading.Event()
        self._told: tuple[float, Stage | None] = (0.0, None)

    def run(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._orders)
                order = self._orders.pop(0)
            self._rendering.set()
            answer = self._rendered(order)
            self._rendering.clear()
            self._send(answer)

    def _listen(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(1)
            if message == QUIT:
                os._exit(0)
            if message == CANCEL:
                self._cancelled.set()
                continue
            self._cancelled.clear()
            with self._changed:
                self._orders.append(message)
                self._changed.notify()

    def _beat(self) -> None:
        while self._rendering.wait():
            self._send(Beat())
            time.sleep(HEARTBEAT_SECONDS)

    def _send(self, answer: Answer) -> None:
        try:
            with self._sending:
                self._pipe.send(answer)
        except OSError:
            os._exit(1)

    def _report(self, fraction: float, stage: Stage) -> None:
        if self._cancelled.is_set():
            raise Cancelled("cancelled")
        told_at, told_stage = self._told
        now = time.monotonic()
        if stage is not told_stage or now - told_at >= ADVANCE_SECONDS:
            self._told = (now, stage)
            self._send(Advance(fraction, stage))

    def _rendered(self, order: Order) -> Answer:
        try:
            self._report(0.0, Stage.LOADING)
            # Imported here, not above: the daemon imports this module and must stay free of numpy.
            from engine.listening import understood  # noqa: PLC0415
            from engine.render import render  # noqa: PLC0415

            if self._backend is None:
                self._backend = _load(self._description)
            if order.spec.verb is Verb.UNDERSTAND:
                found = understood(order.spec, self._description, self._backend, self._report)
                return Finished(understanding=found)
            return Finished(
                render(order.job_id, order.spec, order.directory, self._description, self._backend, self._report)
            )
        except PunchinError as error:
            return Failed(error.code, str(error))
        except MemoryError:
            return Failed(
                OutOfMemory.code,
                "the job needs more memory than is free: choose a shorter selection or close other programs",
            )
        except Exception as error:  # noqa: BLE001  an engine's bug must end the job, not the worker
            from loguru import logger  # noqa: PLC0415  only when needed

            logger.exception("job {} failed in engine {}", order.job_id, self._description.name)
            return Failed("engine_error", f"{type(error).__name__}: {error}")


def _load(description: Description) -> Backend:
    module, _, name = description.factory.partition(":")
    backend: Backend = getattr(importlib.import_module(module), name)()
    return backend
