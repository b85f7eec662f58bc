"""ReaPack's index and header list every script, the actions as actions, and the folder that it makes runs."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from scripts import SCRIPTS

from bridge.install import reapack

NAMES = {path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.lua")}
ACTIONS = {path.name for path in SCRIPTS.glob("*.lua")}


@pytest.fixture
def release(tmp_path):
    folder = tmp_path / "served"
    reapack.write("https://example.org/v 1", folder, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    (found,) = ET.fromstring((folder / "index.xml").read_text("utf-8")).findall("category/reapack/version")
    return folder, found


def test_every_script_is_listed_and_actions_are_marked(release):
    folder, listed = release
    assert listed.get("time") == "2026-01-02T03:04:05Z"
    sources = listed.findall("source")
    assert {source.get("file") for source in sources} == NAMES
    assert {source.get("file") for source in sources if source.get("main")} == ACTIONS
    for source in sources:
        assert source.text == f"https://example.org/v 1/punchin/{source.get('file')}"
        assert (folder / "punchin" / source.get("file")).is_file()


def test_the_header_is_that_of_the_index(release):
    folder, listed = release
    lines = (folder / "punchin" / "punchin.lua").read_text("utf-8").splitlines()
    assert all(line.startswith("-- ") for line in lines), "tags end at the first line that is no comment"
    tags = dict(re.findall(r"(?m)^-- @(\w+) ?(.*)$", "\n".join(lines)))
    assert tags["version"] == version("punchin") == listed.get("name")
    assert {"description", "author", "about", "metapackage", "provides"} < tags.keys()
    provided = re.findall(r"(?m)^--   \[(main|nomain)\] (\S+)$", "\n".join(lines))
    assert {name for _, name in provided} == NAMES
    assert {name for kind, name in provided if kind == "main"} == ACTIONS
    for name in NAMES:
        text = (folder / "punchin" / name).read_text("utf-8")
        assert text == "-- @noindex\n" + (SCRIPTS / name).read_text("utf-8"), "no package of its own"


def test_the_command_writes_it(tmp_path):
    command = [sys.executable, "-m", "bridge.install.reapack"]
    subprocess.run([*command, "https://example.org", tmp_path], check=True)
    assert {path.name for path in tmp_path.iterdir()} == {"index.xml", "punchin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("usage: ")) == (2, True)


def test_what_it_installs_finds_its_modules(release, daw, daemon, monkeypatch):
    """Without the installer's file the daemon is looked for in its usual place."""
    served, listed = release
    folder = daw.resources / "Scripts" / "punchin scripts" / "punchin"
    for source in listed.findall("source"):
        target = folder / source.get("file")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(Path(served, "punchin", source.get("file")).read_bytes())
    usual = daemon.state.parent / "usual"
    usual.mkdir()
    (usual / "punchin").symlink_to(daemon.state, target_is_directory=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(usual))
    daw.project.time_selection = (0.0, 1.0)
    daw.answers.append({"Prompt": "jazz", "Engine (auto/draft/acestep)": "draft"})
    daw.start(folder / "punchin_generate.lua")
    daw.until(lambda: daw.project.undo)
    assert len(daw.project.items()) == 1
