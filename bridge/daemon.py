"""The composition root: builds the rooms, starts them in order, stops them in reverse."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from loguru import logger

from bridge.audition.auditions import Auditions
from bridge.audition.desk import Desk
from bridge.audition.orders import Output
from bridge.midi.room import MidiRoom
from bridge.osc.loopback import LOOPBACK, is_loopback
from bridge.osc.reception import Reception, Transport
from bridge.osc.spool import SpoolTransport
from bridge.osc.tcp import TcpTransport
from bridge.osc.udp import UdpTransport
from bridge.presets import Shelf
from bridge.protocol.peer import Peer
from bridge.protocol.service import Service
from bridge.remote import token
from bridge.remote.discovery import announced
from bridge.remote.gate import Gate
from bridge.remote.transfers import Transfers
from bridge.settings import Settings
from engine import Studio
from engine.errors import CannotStart
from engine.jobs import Job, Progress
from engine.supervisor import Patience
from engine.units import Seconds

if TYPE_CHECKING:
    from loguru import Record

TICK_SECONDS = 0.1
FREE_PORT_TRIES = 20
LOG_BYTES = 5_000_000


async def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Run until the process is told to stop; `ready` gets one line once requests are taken.

    Raises CannotStart when another daemon has the state folder, when the port or the folder cannot be used, and when other
    machines are to reach it and there is no token.
    """
    if not is_loopback(settings.host):
        token.required(settings.state, settings.host)
    # The engines run in processes of their own, which take it from here.
    os.environ["PUNCHIN_MODELS"] = str(settings.models)
    with _only_one(settings.state), _logging(settings):
        loop = asyncio.get_running_loop()
        stopped = _told_to_stop(loop)
        studio = Studio(settings.state, patience=Patience(idle=Seconds(60 * settings.idle_minutes)))
        transports: dict[str, Transport] = {}
        transfers = Transfers(studio.store, settings.state / "uploads", loop.call_soon_threadsafe)
        gate = Gate(_sender(transports), partial(token.read, settings.state))
        desk = Desk(Output(device=settings.audio_device, buffer_ms=settings.audio_buffer))
        shelf = Shelf(settings.state / "presets")
        service = Service(
            studio,
            shelf,
            gate.send,
            transfers=transfers,
            auditions=Auditions(desk),
        )
        midi = MidiRoom(service.receive, settings.state, shelf, lambda: service.has_daw)
        reception = Reception(partial(gate.receive, service.receive), service.refuse_flood)

        def pass_on(job: Job, progress: Progress) -> None:
            loop.call_soon_threadsafe(service.on_change, job, progress)

        studio.watch(pass_on)
        try:
            udp, tcp = await _on_one_port(settings, reception, gate)
            spool = await SpoolTransport(reception, settings.state / "spool").open()
            transports |= {transport.name: transport for transport in (udp, tcp, spool, midi)}
            with _announced(settings, udp):
                studio.start()
                service.resume()
                ready(_listening(udp, settings.host))
                async with _ticking(service), announced(settings.host, udp.port), midi.running():
                    await stopped.wait()
        finally:
            for transport in transports.values():
                transport.close()
            transfers.close()
            await desk.close()
            await asyncio.to_thread(studio.close)


def _sender(transports: Mapping[str, Transport]) -> Callable[[Peer, bytes], None]:
    def send(peer: Peer, packet: bytes) -> None:
        transport = transports.get(TcpTransport.name if peer.is_remote else peer.transport)
        if transport:
            transport.send(peer, packet)

    return send


async def _on_one_port(settings: Settings, reception: Reception, gate: Gate) -> tuple[UdpTransport, TcpTransport]:
    """UDP and TCP on the same port number; where any will do, one that is free for both. UDP stays on this machine."""
    for tries_left in reversed(range(FREE_PORT_TRIES)):
        udp = UdpTransport(reception)
        try:
            await udp.open(LOOPBACK[0], settings.port)
            return udp, await TcpTransport(reception, gate).open(settings.host, udp.port)
        except CannotStart:
            udp.close()
            if settings.port or not tries_left:
                raise
    raise AssertionError


def _listening(udp: UdpTransport, host: str) -> str:
    places = (f"[{host}]:{udp.port}" if ":" in host else f"{host}:{udp.port}" for host in udp.hosts)
    line = f"listening on {' and '.join(places)} (OSC over UDP and TCP)"
    return line if is_loopback(host) else f"{line}, and on {host} for other machines (TCP, with the token)"


@asynccontextmanager
async def _ticking(service: Service) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            try:
                service.tick()
            except Exception:  # noqa: BLE001  one bad tick must not end deliveries
                logger.exception("an error in punchin itself")
            await asyncio.sleep(TICK_SECONDS)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _told_to_stop(loop: asyncio.AbstractEventLoop) -> asyncio.Event:
    """An event that Ctrl+C and SIGTERM set."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    return stopped


@contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """Hold the state folder; raises CannotStart naming the daemon that has it."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = FileLock(state / "daemon.lock")
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise CannotStart(f"another punchin uses the state folder {state}: {_other(state)}") from None
    except OSError as error:
        raise CannotStart(
            f"the state folder {state} cannot be written ({error.strerror}): "
            "correct its permissions or choose another with --state"
        ) from error


def _other(state: Path) -> str:
    try:
        other = json.loads((state / "daemon.json").read_text("utf-8"))
    except (OSError, ValueError):
        return "it is just starting; end it or choose another folder with --state"
    return f"pid {other['pid']} on port {other['port']}; end it or choose another folder with --state"


@contextmanager
def _announced(settings: Settings, udp: UdpTransport) -> Iterator[None]:
    """Say in `daemon.json` how this daemon is reached, for as long as it runs."""
    content = {
        "pid": os.getpid(),
        "host": udp.hosts[0],
        "port": udp.port,
        "hosts": udp.hosts,
        "version": version("punchin"),
    }
    temporary = settings.address_file.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=2), "utf-8")
    temporary.replace(settings.address_file)
    try:
        yield
    finally:
        settings.address_file.unlink(missing_ok=True)


@contextmanager
def _logging(settings: Settings) -> Iterator[None]:
    """Log to stderr, and to files that take turns."""
    logger.remove()
    logger.configure(patcher=_on_one_line)
    # Tracebacks without the values of variables: they may hold the token.
    common: Any = {"level": settings.log_level, "diagnose": False}
    sinks = [
        logger.add(sys.stderr, format="{time:HH:mm:ss} {level: <7} {message}", **common),
        logger.add(settings.state / "logs" / "punchin.log", rotation=LOG_BYTES, retention=5, **common),
    ]
    try:
        yield
    finally:
        for sink in sinks:
            logger.remove(sink)


def _on_one_line(record: "Record") -> None:
    """A file's name or an engine's words may hold line ends: they must not look like lines of the log."""
    record["message"] = "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in record["message"]
    )
