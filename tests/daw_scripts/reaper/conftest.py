import shutil
import sys
from pathlib import Path

import pytest
import soundfile

TESTS = Path(__file__).parents[2]
sys.path += [str(TESTS / "bridge"), str(TESTS / "simulators")]

from reaper import Reaper  # noqa: E402
from rig import running_daemon  # noqa: E402
from scripts import SCRIPTS  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("reaper")


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """One for all tests; who ends it takes `own_daemon`."""
    with running_daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running


@pytest.fixture
def own_daemon(tmp_path):
    with running_daemon(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    """8.89 seconds of a real recording at 44.1 kHz."""
    shipped = TESTS.parent / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
    samples, rate = soundfile.read(shipped, dtype="float32")
    path = tmp_path_factory.mktemp("music") / "Chaosland – Gitarre.wav"
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.fixture
def daws(tmp_path, daemon):
    """Makes REAPERs with the scripts in their place; at the end each is quit, and must have run without a fault."""
    opened = []

    def open_daw(name="Studio Ä", state=daemon.state, **options):
        daw = Reaper(tmp_path / name, **options)
        daw.actions_folder = daw.resources / "Scripts" / "punchin"
        shutil.copytree(SCRIPTS, daw.actions_folder, dirs_exist_ok=True)
        (daw.actions_folder / "punchin" / "config.lua").write_text(f"return {{ state = [[{state}]] }}\n", "utf-8")
        opened.append(daw)
        return daw

    yield open_daw
    for daw in opened:
        daw.close()


@pytest.fixture
def daw(daws, daemon):
    return daws()
