"""A real daemon in a process of its own, and clients of it that know nothing of punchin's code."""

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder


def until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return value


class Daemon:
    """`punchin serve` with a state folder and free ports; `host` and `prefix` for one that other machines reach."""

    def __init__(self, state: Path, host="127.0.0.1", prefix=()):
        self.state = state
        self.host = host
        self.prefix = prefix
        self.start()

    def start(self):
        command = [*self.prefix, sys.executable, "-m", "bridge", "serve", "--state", str(self.state), "--port", "0"]
        command += ["--host", self.host]
        (self.state / "daemon.json").unlink(missing_ok=True)
        self.log = (self.state.parent / "daemon.log").open("a", encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.line = self.process.stdout.readline().strip()
        self.address = json.loads((self.state / "daemon.json").read_text())
        self.port = self.address["port"]

    def kill(self):
        """As `kill -9` does."""
        self.process.kill()
        self._ended()

    def stop(self):
        self.process.terminate()
        self._ended()

    def _ended(self):
        self.process.wait(20)
        self.process.stdout.close()
        self.log.close()

    def worker(self):
        """The process that renders; the other child is Python's resource tracker."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if "spawn_main" in " ".join(child.cmdline())), None)


@contextmanager
def running_daemon(folder):
    """A daemon whose state is in `folder`; whoever has it may end it."""
    state = folder / "state"
    state.mkdir()
    running = Daemon(state)
    yield running
    if running.process.poll() is None:
        running.stop()


class PlainClient:
    """python-osc and a socket, as a script of somebody else would do it."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, port))
        self.heard = []

    def send(self, address, *arguments):
        builder = OscMessageBuilder(address)
        for argument in arguments:
            builder.add_arg(argument)
        self.socket.send(builder.build().dgram)

    def listen(self, *addresses, seconds=60.0, count=1):
        """Messages up to and with the `count`-th of these addresses."""
        got = []
        deadline = time.monotonic() + seconds
        while sum(message.address in addresses for message in got) < count:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                got.append(OscMessage(self.socket.recv(65536)))
            except TimeoutError:
                raise AssertionError(f"no {addresses} came, only {[message.address for message in got]}") from None
        self.heard += got
        return got

    def close(self):
        self.socket.close()


def keys_of(message, positional=4):
    """Keys and values behind the positional arguments."""
    return dict(zip(message.params[positional::2], message.params[positional + 1 :: 2], strict=True))
