"""ReaPack's index lists every script, the actions as actions, and the folder that it makes runs."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from scripts import SCRIPTS

from bridge.install import reapack


def test_every_script_is_listed_and_actions_are_marked():
    text = reapack.index("https://example.org/v 1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    (release,) = ET.fromstring(text).findall("category/reapack/version")
    assert release.get("time") == "2026-01-02T03:04:05Z"
    sources = release.findall("source")
    assert {source.get("file") for source in sources} == {
        path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.lua")
    }
    actions = {source.get("file") for source in sources if source.get("main")}
    assert actions == {path.name for path in SCRIPTS.glob("*.lua")}
    assert all(source.text == f"https://example.org/v 1/{source.get('file')}" for source in sources)


def test_what_it_installs_finds_its_modules(daw, daemon, monkeypatch):
    """Without the installer's file the daemon is looked for in its usual place."""
    release = ET.fromstring(reapack.index("", datetime(2026, 1, 1, tzinfo=UTC))).find("category/reapack/version")
    folder = daw.resources / "Scripts" / "punchin scripts" / "punchin"
    for source in release.findall("source"):
        target = folder / source.get("file")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((SCRIPTS / source.get("file")).read_bytes())
    usual = daemon.state.parent / "usual"
    usual.mkdir()
    (usual / "punchin").symlink_to(daemon.state, target_is_directory=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(usual))
    daw.project.time_selection = (0.0, 1.0)
    daw.answers.append({"Prompt": "jazz", "Engine (auto/draft/acestep)": "draft"})
    daw.start(folder / "punchin_generate.lua")
    daw.until(lambda: daw.project.undo)
    assert len(daw.project.items()) == 1
