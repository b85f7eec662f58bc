"""The driver's process, kept alive: what it hears comes in on the loop, what is to be sent goes out without waiting."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from loguru import logger

from bridge.midi.system import CLIENT

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
LEAVE_SECONDS = 2.0
SILENT_SECONDS = 30.0
"""A driver that has said nothing for so long hangs in the sound system, and is ended. JACK may stand still for ten."""
LONGEST_LINE = 1 << 20
"""Bytes: a sysex dump of half a megabyte."""


class Ports(NamedTuple):
    """What is there and what is open, by name."""

    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    open_inputs: Sequence[str] = ()
    open_outputs: Sequence[str] = ()


class Heard(NamedTuple):
    """One MIDI message."""

    port: str
    at: float
    """Seconds of the monotonic clock, taken where it came in."""
    data: bytes


class Wanted(NamedTuple):
    """Patterns of the ports to be kept open, and whether virtual ones are to be offered."""

    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    virtual: bool = False


class Driven:
    """MIDI in and out through a driver that is started again whenever it ends.

    `heard` and `changed` are called in the loop's thread, the latter also when there is trouble. After a crash, a dead server
    or without any MIDI service the driver is tried again for as long as this runs.
    """

    def __init__(
        self,
        heard: Callable[[Heard], None],
        changed: Callable[[Ports], None],
        client: str = CLIENT,
        patience: float = SILENT_SECONDS,
    ) -> None:
        self._patience = patience
        self._heard = heard
        self._changed = changed
        self._client = client
        self._wanted = Wanted()
        self._process: asyncio.subprocess.Process | None = None
        self.ports = Ports()
        self.trouble = ""
        """Why there are no ports, in a sentence; empty while the driver runs."""

    def want(self, wanted: Wanted) -> None:
        """Keep these ports open from now on."""
        if wanted != self._wanted:
            self._wanted = wanted
            self._tell(wanted._asdict())

    def send(self, port: str, data: bytes) -> None:
        """Send one message; what has no open port is lost."""
        if port in self.ports.open_outputs:
            self._tell({"send": port, "data": data.hex()})

    async def run(self) -> None:
        """Keep a driver until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = asyncio.get_running_loop().time()
            await self._one_driver()
            lived = asyncio.get_running_loop().time() - began
            pause = FIRST_PAUSE_SECONDS if lived > LONGEST_PAUSE_SECONDS else min(2 * pause, LONGEST_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _one_driver(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *command(self._client),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # libjack writes several lines there for every try.
            stderr=subprocess.DEVNULL,
            limit=LONGEST_LINE,
        )
        self._process = process
        try:
            self._tell(self._wanted._asdict())
            assert process.stdout is not None
            while line := await self._line(process.stdout):
                self._take(json.loads(line))
        except TimeoutError:
            logger.warning("MIDI: the driver has said nothing for {:g} s and is started anew", self._patience)
        except Exception:  # noqa: BLE001  one message must not end MIDI for good
            logger.exception("MIDI: the driver is started anew")
        finally:
            self._process = None
            await _end(process)
            if any(self.ports):
                self.ports = Ports()
                self._changed(self.ports)

    async def _line(self, said: asyncio.StreamReader) -> bytes:
        async with asyncio.timeout(self._patience):
            return await said.readline()

    def _take(self, news: dict[str, Any]) -> None:
        if "heard" in news:
            self._heard(Heard(news["heard"], news["at"], bytes.fromhex(news["data"])))
        elif "trouble" in news:
            if news["trouble"] != self.trouble:
                logger.warning("MIDI: {}; it is tried again until it is there", news["trouble"])
            self.trouble = news["trouble"]
            self._changed(self.ports)
        elif news:
            self.trouble = ""
            self.ports = Ports(**news)
            self._changed(self.ports)

    def _tell(self, line: dict[str, Any]) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps(line).encode() + b"\n")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let a driver go by itself, which its stdin's end tells it to, and do not wait for long."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        # Not wait_for: up to Python 3.11 it swallows a cancellation that comes as the process ends.
        async with asyncio.timeout(LEAVE_SECONDS):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        # Also when this is cancelled: nobody else would end a driver that hangs.
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


def command(client: str = CLIENT) -> list[str]:
    """The command line of a driver."""
    return [sys.executable, "-m", "bridge.midi.driver", client]
