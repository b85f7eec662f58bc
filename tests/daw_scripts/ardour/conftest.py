import os
import sys
import time
from pathlib import Path

import pytest
import soundfile
import soxr

TESTS = Path(__file__).parents[2]
sys.path.append(str(TESTS / "bridge"))

from ardour_rig import RATE, installed  # noqa: E402
from studio_with_ardour import Studio  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("ardour")


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """8.89 seconds of a real recording at 48 kHz, stereo: its path, and its samples [frames, channels]."""
    shipped = TESTS.parent / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
    samples, rate = soundfile.read(shipped, dtype="float32")
    samples = soxr.resample(samples, rate, RATE).astype("float32")
    path = tmp_path_factory.mktemp("music") / "chaosland.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path, samples


@pytest.fixture(scope="module")
def studio(tmp_path_factory, song):
    """One Ardour for all tests: each works on tracks, and at times, of its own."""
    if not installed():
        pytest.skip("needs ardour, Xvfb, xdotool and imagemagick")
    studio = Studio(tmp_path_factory.mktemp("studio"), song[0])
    yield studio
    studio.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Takes a picture of the screen, or of a window on it; they go to the documentation where PUNCHIN_PICTURES names it."""
    folder = Path(os.environ.get("PUNCHIN_PICTURES") or tmp_path_factory.mktemp("pictures"))

    def take(studio, name, window="root", crop=""):
        path = folder / f"{name}.png"
        time.sleep(0.5)  # Ardour draws when it has nothing else to do
        studio.display.shoot(path, window, crop)
        assert path.stat().st_size > 1000

    return take
