"""MIDI inside the daemon: maps of the state folder, the driver's process and timers around a surface."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loguru import logger

from bridge.midi import link, maps
from bridge.midi.clock import Transport
from bridge.midi.ports import Driven, Heard, Ports
from bridge.midi.surface import Surface
from bridge.osc.client import LARGEST_REPLY
from bridge.osc.guard import BadPacket, messages
from bridge.presets import Preset
from bridge.protocol import messages as m
from bridge.protocol.codec import decode_reply
from bridge.protocol.peer import Peer

LOOK_SECONDS = 1.0
"""How often changed maps are looked for."""
PING_SECONDS = 20.0
PEER = Peer("midi", "controllers")

Receive = Callable[[Peer, str, tuple[Any, ...]], None]


class MidiRoom:
    """A transport to the controllers, which are a client of the service like any other.

    Without a map in use no process runs and no port is opened.
    """

    name = PEER.transport

    def __init__(
        self, receive: Receive, state: Path, presets: Mapping[str, Preset], has_daw: Callable[[], bool]
    ) -> None:
        self._receive = receive
        self._state = state
        self._driven = Driven(self._heard, self._changed)
        self._link: link.LinkFollower | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.surface = Surface(self._ask, self._driven.send, presets, has_daw, self._linked)

    def send(self, peer: Peer, packet: bytes) -> None:
        """Take a message of the service; what it leads to comes after what the service is at."""
        del peer
        asyncio.get_running_loop().call_soon(self._take, packet)

    def _take(self, packet: bytes) -> None:
        with contextlib.suppress(BadPacket):
            for message in messages(packet, limit=LARGEST_REPLY):
                reply = decode_reply(message.address, message.arguments)
                if reply:
                    self.surface.told(reply, time.monotonic())
        self._set_timer()

    def close(self) -> None:
        """Leave Ableton Link; the driver ends with `running`."""
        if self._link:
            self._link.close()
        if self._timer:
            self._timer.cancel()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow maps and controllers for as long as this is open."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        driver: asyncio.Task[None] | None = None
        known: Mapping[str, tuple[int, int]] = {}
        pinged_at = 0.0
        try:
            while True:
                found = maps.signature(self._state)
                if found != known:
                    known = found
                    self._use()
                    if known and driver is None:
                        driver = asyncio.create_task(self._driven.run())
                        self._ask(m.Subscribe.address, ("midi",))
                if driver and time.monotonic() - pinged_at > PING_SECONDS:
                    pinged_at = time.monotonic()
                    self._ask(m.Ping.address, ("midi",))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self.surface.leave()
            if driver:
                driver.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await driver

    def _use(self) -> None:
        found = maps.in_use(self._state)
        self.surface.use(found)
        self._driven.want(self.surface.wanted())
        self._set_timer()
        if any(each.link for each in found.values()) and self._link is None:
            if link.is_installed():
                self._link = link.LinkFollower()
            else:
                logger.warning("MIDI: Ableton Link needs aalink, which is under the GPL: pip install 'punchin[link]'")

    def _linked(self) -> Transport:
        return self._link.transport() if self._link else Transport()

    def _ask(self, address: str, arguments: tuple[Any, ...]) -> None:
        self._receive(PEER, address, arguments)

    def _heard(self, message: Heard) -> None:
        self.surface.heard(message)
        self._set_timer()

    def _changed(self, ports: Ports) -> None:
        self.surface.changed(ports, time.monotonic())
        self._set_timer()

    def _set_timer(self) -> None:
        """Wake the surface when something is due, and not before."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due = self.surface.due(time.monotonic())
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.surface.tick(time.monotonic())
        self._set_timer()
