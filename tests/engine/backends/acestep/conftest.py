"""Checkpoints with random weights, made once a run; a test that changes one copies it first."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

collect_ignore = [] if find_spec("torch") else ["test_checkpoint.py"]
if not (os.environ.get("PUNCHIN_WEIGHTS") and find_spec("torch")):
    collect_ignore.append("test_golden.py")


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Small tensors gain nothing from a second thread, and waiting for it costs a loaded machine much."""
    torch = pytest.importorskip("torch", reason="the neural engine's tests need torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents and "tiny" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.neural)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Gives the folder of a tiny checkpoint; the same arguments give the same folder."""
    made = {}

    def make(**how):
        from engine.backends.acestep.tiny import make_tiny

        key = tuple(sorted(how.items()))
        if key not in made:
            made[key] = make_tiny(tmp_path_factory.mktemp("checkpoints"), **how)
        return made[key]

    return make


@pytest.fixture(scope="session")
def planner_folder(tmp_path_factory):
    """A tiny planner with the vocabulary of the release."""
    from engine.backends.acestep.planner.tiny import NAME, make_planner

    return make_planner(tmp_path_factory.mktemp("planner") / NAME)


@pytest.fixture
def copied(tiny, tmp_path):
    """A copy of a tiny checkpoint that a test may damage."""

    def copy(**how):
        folder = tiny(**how)
        root = folder if how.get("layout") == "diffusers" else folder.parent
        shutil.copytree(root, tmp_path / "copy", dirs_exist_ok=True)
        return tmp_path / "copy" if root == folder else tmp_path / "copy" / folder.name

    return copy


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A turbo, a base and an XL turbo checkpoint beside each other, as in the models folder: VAE and text encoder are shared."""
    from engine.backends.acestep.tiny import make_tiny

    folder = tmp_path_factory.mktemp("models")
    return {
        "turbo": make_tiny(folder, variant="turbo"),
        "base": make_tiny(folder, variant="base"),
        "xl": make_tiny(folder, variant="turbo", xl=True),
    }
