from pathlib import Path

import numpy as np
import pytest
import soundfile
from rig import Daemon, PlainClient


@pytest.fixture
def daemon(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    running = Daemon(state)
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def client(daemon):
    plain = PlainClient(daemon.port)
    yield plain
    plain.close()


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """Twelve seconds of a real recording at 44.1 kHz, as a file in a project would be."""
    shipped = Path(__file__).parents[2] / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
    samples, rate = soundfile.read(shipped, dtype="float32")
    path = tmp_path_factory.mktemp("music") / "song.wav"
    soundfile.write(path, np.concatenate([samples, samples])[: 12 * rate], rate, subtype="FLOAT")
    return path
