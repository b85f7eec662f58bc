"""`punchin bench osc`: how soon the daemon answers, beside a bare asyncio echo under the same load."""

import json as encoder
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, NamedTuple, Self

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.bench.peers import echoing, flooding
from bridge.demo.daemon import own_daemon
from bridge.flags import Json
from bridge.osc.client import Client
from bridge.protocol import messages as m
from bridge.protocol.codec import encode_request
from engine.errors import CannotStart
from engine.spec import MAX_SECONDS, MAX_TAKES

PINGS_A_SECOND = 100
"""To each of daemon and echo; one source may send 200 for long."""
FLOOD_A_SECOND = 10_000
LOST_SECONDS = 1.0
WARM_UP_PINGS = 50
LONGEST_JOB = {"prompt": "house", "length": MAX_SECONDS, "takes": MAX_TAKES}


@dataclass(frozen=True, slots=True)
class Answers:
    """How soon one side answered: milliseconds from sending a ping to having its reply."""

    pings: int
    lost: int
    """Pings without an answer within a second; they count as a second in the percentiles."""
    p50: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Result:
    """Daemon and echo in one situation, asked in turns."""

    situation: str
    daemon: Answers
    echo: Answers
    flood: float
    """Messages a second that another client sent to the daemon."""

    def row(self) -> dict[str, object]:
        """As a dictionary, for JSON, with the ratios to the echo."""
        ratios = {"p50": self.daemon.p50 / self.echo.p50, "p99": self.daemon.p99 / self.echo.p99}
        return {**asdict(self), "ratio": ratios}


class Address(NamedTuple):
    """Where datagrams go."""

    host: str
    port: int


def osc(
    *, seconds: Annotated[float, Parameter(help="seconds of pings in each situation")] = 20.0, json: Json = False
) -> int:
    """Ping a daemon of its own when it is idle, renders, and is flooded, in turns with a bare asyncio echo."""
    results = list(measured(seconds))
    if json:
        sys.stdout.write(encoder.dumps([result.row() for result in results], indent=2) + "\n")
    else:
        Console().print(_table(results))
    return 0


def measured(seconds: float) -> Iterator[Result]:
    """Each situation, as it is measured; raises CannotStart when no daemon can be started."""
    pings = max(1, round(seconds * PINGS_A_SECOND))
    with own_daemon() as client, echoing() as echo:
        address = Address(*client.address)
        with _Pings(address) as daemon, _Pings(Address(*echo)) as bare:
            _in_turns(daemon, bare, WARM_UP_PINGS)
            situations: Mapping[str, Callable[[], AbstractContextManager[list[float]]]] = {
                "idle": _idle,
                "during a render": lambda: _rendering(client),
                f"{FLOOD_A_SECOND} messages/s": lambda: flooding(address, FLOOD_A_SECOND),
            }
            for name, situation in situations.items():
                with situation() as flood:
                    answers = _in_turns(daemon, bare, pings)
                yield Result(name, *answers, flood=sum(flood))


@contextmanager
def _idle() -> Iterator[list[float]]:
    yield []


@contextmanager
def _rendering(client: Client) -> Iterator[list[float]]:
    """The longest job that there is, from its first rendering on; raises CannotStart when it ended too soon."""
    accepted = client.ask("generate", LONGEST_JOB)
    if not isinstance(accepted, m.Accepted):
        raise CannotStart(f"the bench's job was not taken: {accepted}")
    deadline = time.monotonic() + 60.0
    while not any(isinstance(reply, m.Progressed) and reply.stage == "rendering" for reply in client.replies(0.1)):
        if time.monotonic() > deadline:
            raise CannotStart("the bench's job did not begin to render within a minute")
    yield []
    if not isinstance(client.ask("cancel", {"job": accepted.job_id}), m.Accepted):
        raise CannotStart("the bench's job ended before the last ping: measure for fewer --seconds")


class _Pings:
    """One side's socket and the times that it took to answer, in seconds."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in address.host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ping(self) -> float:
        """Seconds until the answer to a ping, or LOST_SECONDS."""
        request_id = secrets.token_hex(8)
        packet = encode_request("/punchin/ping", request_id, {})
        wanted = request_id.encode()
        self._socket.settimeout(LOST_SECONDS)
        began = time.perf_counter()
        try:
            self._socket.send(packet)
            # What answers an earlier ping is too late.
            while wanted not in self._socket.recv(65536) and time.perf_counter() - began < LOST_SECONDS:
                continue
        except (TimeoutError, ConnectionError):
            return LOST_SECONDS
        return min(LOST_SECONDS, time.perf_counter() - began)


def _in_turns(daemon: _Pings, echo: _Pings, count: int) -> tuple[Answers, Answers]:
    """Ping both at a steady pace, each first in half of the turns, so that what disturbs the machine hits both alike."""
    took: dict[_Pings, list[float]] = {daemon: [], echo: []}
    next_turn = time.perf_counter()
    for turn in range(count):
        for side in (daemon, echo) if turn % 2 else (echo, daemon):
            took[side].append(side.ping())
        next_turn = max(next_turn + 1 / PINGS_A_SECOND, time.perf_counter())
        time.sleep(max(0.0, next_turn - time.perf_counter()))
    return _answers(took[daemon]), _answers(took[echo])


def _answers(took: list[float]) -> Answers:
    half, most = np.percentile(took, [50, 99]) * 1000
    lost = sum(each >= LOST_SECONDS for each in took)
    return Answers(len(took), lost, float(half), float(most), max(took) * 1000)


def _table(results: list[Result]) -> Table:
    table = Table(title="Round trip of a ping, milliseconds, beside a bare asyncio UDP echo")
    table.add_column("situation")
    table.add_column("side")
    for heading in ("p50", "p99", "longest", "lost"):
        table.add_column(heading, justify="right")
    for result in results:
        daemon, echo = result.daemon, result.echo
        for side, answers in (("daemon", daemon), ("echo", echo)):
            figures = (f"{each:.2f}" for each in (answers.p50, answers.p99, answers.longest))
            table.add_row(
                "" if answers is echo else result.situation, side, *figures, f"{answers.lost} of {answers.pings}"
            )
        table.add_row("", "ratio", f"{daemon.p50 / echo.p50:.2f}", f"{daemon.p99 / echo.p99:.2f}", style="bold")
        table.add_section()
    return table
