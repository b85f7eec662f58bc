"""A JACK server without hardware, and a controller on it, in processes of their own."""

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

RATE, PERIOD = 48000, 1024


class Jack:
    """`jackd` with the dummy driver, under a name of its own.

    In synchronous mode it loses nothing on a busy machine, but stands still for ten seconds when a second client leaves.
    """

    def __init__(self, *, synchronous=False):
        if shutil.which("jackd") is None:
            pytest.skip("jackd is not installed (Debian: jackd2)")
        self.name = f"server-{os.getpid()}-{synchronous}"
        self.mode = ["-S"] if synchronous else []
        self.start()

    def start(self):
        command = ["jackd", "-n", self.name, *self.mode, "-r", "-d", "dummy", "-r", str(RATE), "-p", str(PERIOD)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while subprocess.run(
            ["jack_wait", "-s", self.name, "-w", "-t", "2"], capture_output=True, check=False
        ).returncode:
            assert time.monotonic() < deadline, "jackd did not start"

    def kill(self):
        """It leaves its place among at most eight servers of a machine taken, until one of its name is started again."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


@contextmanager
def running_jack(**options):
    """A server that all processes started meanwhile find."""
    server = Jack(**options)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("JACK_DEFAULT_SERVER", server.name)
            yield server
    finally:
        server.stop()


class Pad:
    """`pad.py`: sends notes on `pad:keys` and hears what is shown on `lamp:lamps`."""

    def __init__(self):
        self.plug()

    def plug(self):
        command = [sys.executable, str(Path(__file__).with_name("pad.py"))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
        )
        assert self.process.stdout.readline() == "ready\n"
        self.lines = queue.SimpleQueue()
        self.heard = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def send(self, line):
        self.process.stdin.write(line + "\n")

    def hears(self, *wanted, seconds=20.0):
        """Wait until each of these messages has come, in this order."""
        deadline = time.monotonic() + seconds
        for message in wanted:
            while not self.heard or self.heard[-1] != message:
                try:
                    self.heard.append(self.lines.get(timeout=max(0.0, deadline - time.monotonic())))
                except queue.Empty:
                    raise AssertionError(f"{message} did not come, but {self.heard[-20:]}") from None

    def kill(self):
        self.process.kill()
        self.close()

    def close(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def put_map(state, text):
    """A controller map in use, on the pad's ports."""
    folder = state / "midi"
    folder.mkdir(exist_ok=True)
    (folder / "pad.toml").write_text('inputs = ["pad*"]\noutputs = ["lamp:*"]\n' + text, "utf-8")
