"""A JACK server of one's own without hardware, and a client that records: PortAudio sees it as a device."""

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from rig import until

RATE, PERIOD = 48000, 1024


@contextmanager
def only_one(name):
    """Have a name for oneself: another checkout on this machine may run the same tests, and waits.

    Names are fixed: a machine has eight places for JACK servers, and one that did not end well keeps its own for its name.
    """
    import fcntl  # not on Windows, where no server is started

    with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Server:
    """`jackd` with the dummy driver, in real time and under a name of its own.

    On a busy machine it drops what a client does not take within a period: with 1024 frames 2 of 500 notes at a load of 20, with
    4096 none of 2000. In synchronous mode it waits instead, and drops nothing, but stands still for seconds when clients leave.
    """

    def __init__(self, name, *, synchronous=False):
        self.name = name
        self.mode = ["-S"] if synchronous else []
        self.period = PERIOD if synchronous else 4 * PERIOD
        self.start()

    def start(self):
        command = ["jackd", "-n", self.name, *self.mode, "-r", "-d", "dummy", "-r", str(RATE), "-p", str(self.period)]
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.said)

        def lists_ports():
            assert self.process.poll() is None, self.complaints()
            listed = subprocess.run(["jack_lsp", "-s", self.name], capture_output=True, text=True, check=False)
            return "system:playback_1" in listed.stdout

        until(lists_ports)

    def complaints(self):
        self.said.seek(0)
        return self.said.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.said.close()


@contextmanager
def running_jack(name, **options):
    """A server that all processes started meanwhile find."""
    if not shutil.which("jackd"):
        pytest.skip("jackd is not installed (Debian: jackd2)")
    name = f"punchin-test-{name}"
    with only_one(name):
        server = Server(name, **options)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("JACK_DEFAULT_SERVER", name)
                yield server
        finally:
            server.stop()


class Recorder:
    """A JACK client with two inputs that keeps all it is given."""

    def __init__(self, name):
        jack = pytest.importorskip("jack", reason="JACK-Client is not installed")
        self.blocks = []
        self.client = jack.Client(name, no_start_server=True)
        inputs = [self.client.inports.register(f"in_{side}") for side in (1, 2)]

        def keep(frames):
            self.blocks.append(np.stack([port.get_array().copy() for port in inputs]))

        self.client.set_process_callback(keep)
        self.client.activate()

    def heard(self):
        """[channels, frames] since the last call, without the silence around it."""
        time.sleep(3 * PERIOD / RATE)
        blocks, self.blocks = self.blocks, []
        return _sounding(blocks)

    def has_heard(self, seconds):
        """Whether it has sounded for so long since `heard` was called."""
        return _sounding(self.blocks).shape[1] > seconds * RATE

    def close(self):
        self.client.close()


def _sounding(blocks):
    samples = np.concatenate([np.zeros((2, 0), np.float32), *blocks], axis=1)
    sounding = np.flatnonzero(np.abs(samples).max(axis=0))
    return samples[:, sounding[0] : sounding[-1] + 1] if len(sounding) else samples[:, :0]
