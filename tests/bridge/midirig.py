"""A controller on a JACK server, in a process of its own."""

import queue
import subprocess
import sys
import threading
import time
from pathlib import Path


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
