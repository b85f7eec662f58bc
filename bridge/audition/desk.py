"""The daemon's side of an audition: the player's process is started when it is needed, and ended when it is idle."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Coroutine, Sequence
from itertools import count
from typing import Any

from loguru import logger
from pydantic import ValidationError

from bridge.audition.orders import ANSWER, Answer, Ended, Halt, Order, Output, Play, Refused, Started
from engine.errors import Unsupported
from engine.units import Seconds

IDLE = Seconds(60.0)
"""The player is ended when it has been silent for so long."""
PATIENCE = Seconds(60.0)
"""A player that has not answered by then is ended: a sound system may hang whoever opens it."""

Tell = Callable[[Answer], None]


class Desk:
    """Passes orders to the player, and its answers to whoever gave the order. Belongs to the event loop's thread."""

    def __init__(
        self,
        output: Output,
        idle: Seconds = IDLE,
        patience: Seconds = PATIENCE,
        command: Sequence[str] = (sys.executable, "-m", "bridge.audition.player"),
    ) -> None:
        self.output = output
        self._idle = idle
        self._patience = patience
        self._command = command
        self._numbers = count(1)
        self._orders: asyncio.Queue[Order] = asyncio.Queue()
        self._open: dict[int, Tell] = {}
        """Orders that are unanswered or play."""
        self._unanswered: dict[int, asyncio.TimerHandle] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._passing: asyncio.Task[None] | None = None
        self._following: set[asyncio.Task[None]] = set()
        self._rest: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the player, if one runs."""
        return self._process.pid if self._process else None

    def next_number(self) -> int:
        """A name for the next order."""
        return next(self._numbers)

    def play(self, order: Play, tell: Tell) -> None:
        """Play; `tell` gets Started and later Ended, or Refused."""
        loop = asyncio.get_running_loop()
        self._open[order.number] = tell
        self._unanswered[order.number] = loop.call_later(self._patience, self._give_up)
        if self._rest:
            self._rest.cancel()
        self._passing = self._passing or loop.create_task(self._pass_on())
        self._orders.put_nowait(order)

    def stop(self) -> None:
        """Stop what plays or is about to."""
        if self._open:
            self._orders.put_nowait(Halt())

    async def close(self) -> None:
        """End the player."""
        for timer in (self._rest, *self._unanswered.values()):
            if timer:
                timer.cancel()
        if self._passing:
            self._passing.cancel()
        self._end()
        await asyncio.gather(*self._following, return_exceptions=True)

    def _follow(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what ends with the process."""
        task = asyncio.get_running_loop().create_task(work)
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _pass_on(self) -> None:
        while True:
            order = await self._orders.get()
            try:
                process = self._process or await self._launched()
                assert process.stdin is not None
                process.stdin.write(order.line())
                await process.stdin.drain()
            except OSError as error:
                if isinstance(order, Play):
                    message = f"the player's process cannot be used: {error.strerror or error}"
                    self._tell(Refused(number=order.number, code=Unsupported.code, message=message))

    async def _launched(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, stderr=pipe)
        logger.info("player started, pid {}", process.pid)
        self._process = process
        self._follow(self._listen(process))
        self._follow(self._log(process))
        return process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            try:
                self._tell(ANSWER.validate_json(line))
            except ValidationError:
                logger.warning("the player said what is no answer: {}", line)
        code = await process.wait()
        if self._process is process:
            self._process = None
            logger.info("player ended with exit code {}", code)
            self._settle(f"the sound system ended the player's process (exit code {code}); ask again to start another")

    async def _log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            logger.debug("player: {}", line.decode(errors="replace").rstrip())

    def _tell(self, answer: Answer) -> None:
        timer = self._unanswered.pop(answer.number, None)
        if timer:
            timer.cancel()
        tell = self._open.get(answer.number) if isinstance(answer, Started) else self._open.pop(answer.number, None)
        if _needs_another_player(answer) and not self._open:
            self._end()
        if not self._open:
            # A player that was given up may still have said something.
            if self._rest:
                self._rest.cancel()
            self._rest = asyncio.get_running_loop().call_later(self._idle, self._end)
        if tell:
            tell(answer)

    def _settle(self, message: str) -> None:
        """Answer for a player that is gone."""
        for number in list(self._open):
            if number in self._unanswered:
                self._tell(Refused(number=number, code=Unsupported.code, message=message))
            else:
                self._tell(Ended(number=number, reason="device_lost"))

    def _give_up(self) -> None:
        logger.warning("the player has not answered for {:g} s and is ended", self._patience)
        self._end()
        self._settle("the sound system did not answer; look at the device, then ask again")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _needs_another_player(answer: Answer) -> bool:
    """Devices are looked for when a player starts: the next one may find what this one has not, or has lost."""
    lost = isinstance(answer, Ended) and answer.reason == "device_lost"
    return lost or (isinstance(answer, Refused) and answer.code == Unsupported.code)
