"""The other processes of the OSC bench: a bare echo to compare with, and a client that floods."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from bridge.protocol.codec import encode_request

LOOPBACK = "127.0.0.1"
_START_SECONDS = 20.0
_BURSTS_A_SECOND = 500


@contextmanager
def echoing() -> Iterator[tuple[str, int]]:
    """Address of a process that does nothing but send datagrams back, as plain as asyncio allows."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with _process(_echo, theirs):
        yield LOOPBACK, _answer(ours)


@contextmanager
def flooding(address: tuple[str, int], rate: int) -> Iterator[list[float]]:
    """Send `rate` pings a second to a daemon from a process of its own; the list then holds how many a second it was."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    reached: list[float] = []
    with _process(_flood, theirs, address, rate):
        _answer(ours)
        yield reached
        ours.send("stop")
        reached.append(_answer(ours))


@contextmanager
def _process(target: Any, *arguments: Any) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _answer(pipe: Connection) -> Any:
    if not pipe.poll(_START_SECONDS):
        raise TimeoutError(f"a process of the bench said nothing for {_START_SECONDS:.0f} s")
    return pipe.recv()


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._transport.sendto(data, addr)


def _echo(pipe: Connection) -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(_Echo, local_addr=(LOOPBACK, 0))
        pipe.send(transport.get_extra_info("sockname")[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def _flood(pipe: Connection, address: tuple[str, int], rate: int) -> None:
    packet = encode_request("/punchin/ping", "flood", {})
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as sending:
        sending.connect(address)
        pipe.send("ready")
        began, sent = time.perf_counter(), 0
        while not pipe.poll():
            due = int((time.perf_counter() - began) * rate)
            for _ in range(due - sent):
                sending.send(packet)
            sent = due
            time.sleep(1 / _BURSTS_A_SECOND)
        pipe.send(sent / (time.perf_counter() - began))
