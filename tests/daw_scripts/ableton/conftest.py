import sys
from pathlib import Path

import pytest
import soundfile

TESTS = Path(__file__).parents[2]
sys.path += [str(TESTS / "bridge"), str(TESTS / "simulators")]

from booth import Booth  # noqa: E402
from rig import running_daemon  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("ableton")


@pytest.fixture(scope="session")
def live_daemon(tmp_path_factory):
    """One daemon for all tests that do not harm it."""
    with running_daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running


@pytest.fixture(scope="session")
def music(tmp_path_factory):
    """8.89 seconds of a real recording at 44.1 kHz, stereo."""
    shipped = TESTS.parent / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
    samples, rate = soundfile.read(shipped, dtype="float32")
    path = tmp_path_factory.mktemp("music") / "Chaosland – Gitarre.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.fixture
def booths(tmp_path, live_daemon):
    """Makes Lives with the script in their User Library; at the end each is quit, and must have run without a fault."""
    opened = []

    def open_live(name="Bühne", state=live_daemon.state, **options):
        booth = Booth(tmp_path / name, state, **options)
        opened.append(booth)
        return booth

    yield open_live
    for booth in opened:
        booth.close()


@pytest.fixture
def booth(booths):
    return booths()
