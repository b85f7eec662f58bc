"""A daemon of one's own: free ports, a state folder that is thrown away."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.osc.client import Client
from engine.errors import CannotStart

START_SECONDS = 20.0
STOP_SECONDS = 10.0


@contextmanager
def own_daemon() -> Iterator[Client]:
    """Start `punchin serve`, give a client of it, and stop it; raises CannotStart with what it said."""
    with tempfile.TemporaryDirectory(prefix="punchin-demo-", ignore_cleanup_errors=True) as folder:
        state = Path(folder)
        command = [
            sys.executable,
            "-m",
            "bridge",
            "serve",
            "--state",
            str(state),
            "--port",
            "0",
            "--log-level",
            "WARNING",
        ]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
            try:
                with Client(*_address(process, state / "daemon.json")) as client:
                    yield client
            finally:
                _stop(process)


def _address(process: "subprocess.Popen[str]", file: Path) -> tuple[str, int]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            assert process.stderr is not None
            raise CannotStart(f"a daemon of its own ended at once: {process.stderr.read().strip()}")
        if file.exists():
            address = json.loads(file.read_text("utf-8"))
            return address["host"], address["port"]
        time.sleep(0.02)
    raise CannotStart(f"a daemon of its own did not start within {START_SECONDS:.0f} s")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
