"""`punchin bench midi`: from a note-on to the trigger in the DAW, beside the period of the sound server.

On Linux it starts a JACK server of its own with the dummy driver (Debian: jackd2); a period is what JACK itself takes to pass
a note on. The DAW is a UDP client, the controller a process of its own.
"""

import json as encoder
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge.demo.daemon import own_daemon
from bridge.flags import Json
from bridge.midi import maps
from bridge.midi.ports import command
from bridge.osc.client import Client
from bridge.protocol import messages as m
from engine.errors import CannotStart

RATE = 48000
PAUSE_SECONDS = 0.11
"""Between two notes; not a multiple of a period, so that notes fall anywhere in one."""
LOST_SECONDS = 2.0
START_SECONDS = 20.0
CONTROLLER = "benchpad"
_MAP = f"""
inputs = ["{CONTROLLER}*"]
[[bind]]
on = "note 60"
action = "repaint"
"""


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds from sending a note-on to having its `run`, and the period of the server."""

    notes: int
    lost: int
    period: float
    p50: float
    p99: float
    longest: float

    def row(self) -> dict[str, object]:
        """As a dictionary, for JSON, with the ratios to the period."""
        return {**asdict(self), "ratio": {"p50": self.p50 / self.period, "p99": self.p99 / self.period}}


def midi(
    *,
    notes: Annotated[int, Parameter(help="how many notes")] = 300,
    frames: Annotated[int, Parameter(help="period of the JACK server, at 48 kHz")] = 256,
    json: Json = False,
) -> int:
    """Play notes to a daemon of its own, and measure when the DAW is told to run."""
    with _server(frames):
        result = measured(notes, frames / RATE * 1000)
    if json:
        sys.stdout.write(encoder.dumps(result.row(), indent=2) + "\n")
    else:
        Console().print(_table(result))
    return 0


@contextmanager
def _server(frames: int) -> Iterator[None]:
    """A JACK server that processes started meanwhile use; raises CannotStart where there is none to be had."""
    program = shutil.which("jackd")
    if program is None:
        raise CannotStart("this bench needs jackd (Debian: apt install jackd2)")
    # Always the same: a machine has eight places for servers, and one that did not end well keeps its own for its name.
    name = "punchin-bench"
    # Synchronous: it waits for clients that are late, where it would else drop what they have not taken.
    arguments = [program, "-n", name, "-S", "-r", "-d", "dummy", "-r", str(RATE), "-p", str(frames)]
    before = os.environ.get("JACK_DEFAULT_SERVER")
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        os.environ["JACK_DEFAULT_SERVER"] = name
        ended = CannotStart(f"the bench's JACK server ended by itself: is another one called {name} running?")
        try:
            if not _answers(process, name):
                raise ended
            yield
            if process.poll() is not None:
                raise ended
        except BrokenPipeError:
            raise ended from None
        finally:
            if before is None:
                del os.environ["JACK_DEFAULT_SERVER"]
            else:
                os.environ["JACK_DEFAULT_SERVER"] = before
            process.terminate()


def _answers(process: "subprocess.Popen[bytes]", name: str) -> bool:
    until = time.monotonic() + START_SECONDS
    asking = [shutil.which("jack_lsp") or "jack_lsp", "-s", name]
    while process.poll() is None and time.monotonic() < until:
        if subprocess.run(asking, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return process.poll() is None
        time.sleep(0.05)
    return False


def measured(notes: int, period: float) -> Result:
    """Play `notes` one after another; `period` in milliseconds. Raises CannotStart when no note arrives at all."""
    with own_daemon() as client, _controller() as controller:
        welcome = client.ask("hello", {"client": "bench", "daw": "bench"})
        assert isinstance(welcome, m.Welcome)
        folder = maps.folder(Path(welcome.state))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.toml").write_text(_MAP, "utf-8")
        until = time.monotonic() + START_SECONDS
        while _note(client, controller) >= LOST_SECONDS:
            if time.monotonic() > until:
                raise CannotStart("no note came through: `punchin midi list` says what is there")
        took = []
        for _ in range(notes):
            took.append(_note(client, controller))
            time.sleep(PAUSE_SECONDS)
    half, most = np.percentile(took, [50, 99]) * 1000
    lost = sum(each >= LOST_SECONDS for each in took)
    return Result(notes, lost, period, float(half), float(most), max(took) * 1000)


@contextmanager
def _controller() -> Iterator["subprocess.Popen[str]"]:
    """Another driver, whose virtual port is the controller."""
    with subprocess.Popen(  # noqa: S603
        command(CONTROLLER), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    ) as process:
        _tell(process, {"inputs": [], "outputs": [], "virtual": True})
        try:
            yield process
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()


def _tell(process: "subprocess.Popen[str]", line: dict[str, object]) -> None:
    assert process.stdin is not None
    process.stdin.write(encoder.dumps(line) + "\n")
    process.stdin.flush()


def _note(client: Client, controller: "subprocess.Popen[str]") -> float:
    """Seconds from a note-on to its trigger, or LOST_SECONDS."""
    began = time.perf_counter()
    _tell(controller, {"send": "punchin", "data": "903c64"})
    while (left := LOST_SECONDS - (time.perf_counter() - began)) > 0:
        for reply in client.replies(left):
            if isinstance(reply, m.Run):
                return time.perf_counter() - began
    return LOST_SECONDS


def _table(result: Result) -> Table:
    table = Table(title="From a note-on to the trigger in the DAW")
    for heading in ("", "p50", "p99", "longest", "lost"):
        table.add_column(heading, justify="right")
    figures = (f"{each:.2f}" for each in (result.p50, result.p99, result.longest))
    table.add_row("milliseconds", *figures, f"{result.lost} of {result.notes}")
    ratios = (f"{each / result.period:.2f}" for each in (result.p50, result.p99, result.longest))
    table.add_row(f"periods of {result.period:.2f} ms", *ratios, "")
    return table
