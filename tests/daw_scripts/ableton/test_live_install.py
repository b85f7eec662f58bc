"""The installer of Live's script: what it puts in runs in the simulated Live, and nothing is left once it is taken out."""

import json
import os
import subprocess
import sys

import pytest
from booth import SCRIPT
from live import Live

from bridge.install import ableton as installer
from bridge.install.live_versions import can_insert, preferences_folder, user_libraries

LIBRARY_CFG = """<?xml version="1.0" encoding="UTF-8"?>
<Ableton MajorVersion="5"><ContentLibrary><Packs><LibraryProject Id="0"><ProjectName Value="Core Library" />
<ProjectPath Value="/Applications/Live" /></LibraryProject></Packs><UserLibrary><LibraryProject Id="0">
<ProjectName Value="User Library" /><ProjectPath Value="{}" /></LibraryProject></UserLibrary></ContentLibrary></Ableton>
"""


def listing(folder):
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def punchin(*arguments, home):
    command = [sys.executable, "-m", "bridge", "install", "ableton", *map(str, arguments)]
    environment = os.environ | {"HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def lives(home, *versions, library=None):
    """Preferences of some versions on macOS; the first names a library."""
    preferences = preferences_folder(home, "darwin", {})
    for number, version in enumerate(versions):
        folder = preferences / f"Live {version}"
        (folder / "Preferences").mkdir(parents=True)
        if library is not None and number == 0:
            (folder / "Preferences" / "Library.cfg").write_text(LIBRARY_CFG.format(library), "utf-8")
    return preferences


@pytest.mark.parametrize("others", [False, True])
def test_the_library_is_as_it_was_after_install_twice_and_uninstall(tmp_path, others):
    library = tmp_path / "User Library – Ümlaut"
    library.mkdir()
    if others:
        (library / "Remote Scripts" / "AbletonOSC").mkdir(parents=True)
        (library / "Remote Scripts" / "AbletonOSC" / "__init__.py").write_text("")
    before = listing(library)
    for _ in range(2):
        installer.put_in(library, tmp_path / "state")
    package = library / "Remote Scripts" / "Punchin"
    assert not [name for name in listing(package) if "__pycache__" in name]
    live = Live()
    script = live.start(package)
    live.run(0.1)
    assert script._work._daemon.state == str(tmp_path / "state")
    assert script._work._daemon.command[1:4] == ["-m", "bridge", "serve"]
    live.quit()
    assert live.faults == []
    installer.take_out(library)
    assert listing(library) == before


def test_bindings_that_were_changed_in_the_library_are_kept(tmp_path):
    library, state = tmp_path / "User Library", tmp_path / "state"
    library.mkdir()
    installer.put_in(library, state)
    assert installer.keep_bindings(library, state) is None
    bindings = library / "Remote Scripts" / "Punchin" / "bindings.json"
    bindings.write_text('{"channel": 1, "notes": {"60": "repaint"}}')
    done = punchin("--user-library", library, "--state", state, home=tmp_path)
    kept = state / "live" / "bindings.json"
    assert done.stdout.splitlines()[0] == f"your own bindings are kept in {kept}"
    assert kept.read_text() == '{"channel": 1, "notes": {"60": "repaint"}}'
    assert bindings.read_bytes() == (SCRIPT / "bindings.json").read_bytes()
    bindings.write_text("{}")
    assert installer.keep_bindings(library, state) is None
    assert kept.read_text() != "{}"


def test_an_installation_that_fails_leaves_the_older_one(tmp_path, monkeypatch):
    installer.put_in(tmp_path, tmp_path / "state")
    before = listing(tmp_path)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(installer.json, "dumps", full)
    with pytest.raises(OSError, match="No space"):
        installer.put_in(tmp_path, tmp_path / "other")
    assert listing(tmp_path) == before


def test_what_somebody_else_put_there_stays(tmp_path):
    folder = tmp_path / "Remote Scripts" / "Punchin"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text("1")
    for change in (installer.take_out, lambda library: installer.put_in(library, tmp_path)):
        with pytest.raises(installer.CannotInstall):
            change(tmp_path)
    assert (folder / "mine.py").exists()


def test_the_command_installs_reports_and_takes_out(tmp_path):
    library = tmp_path / "User Library"
    library.mkdir()
    lives(tmp_path, "12.0.1", "12.2.5b3")
    done = punchin("--user-library", library, "--state", tmp_path / "state", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1:] == [
        "found Live 12.2.5",
        "found Live 12.0.1, in which scripts cannot make clips: update it",
        "start Live again",
        installer.CLICKS,
    ]
    assert json.loads((library / "Remote Scripts" / "Punchin" / "config.json").read_text())["state"] == str(
        tmp_path / "state"
    )
    assert punchin("--user-library", library, "--uninstall", home=tmp_path).returncode == 0
    assert list(library.iterdir()) == []
    again = punchin("--user-library", library, "--uninstall", home=tmp_path)
    assert (again.returncode, again.stderr.startswith("punchin: ")) == (1, True)
    assert punchin("--user-library", tmp_path / "nowhere", home=tmp_path).returncode == 1


@pytest.mark.parametrize("named", ["itself", "its folder"])
def test_a_library_that_was_moved_is_found(tmp_path, named):
    library = tmp_path / "Platte" / "User Library"
    library.mkdir(parents=True)
    preferences = lives(tmp_path, "12.1", "11.3.43", library=library if named == "itself" else library.parent)
    assert user_libraries(preferences, tmp_path, "darwin") == [library]
    assert user_libraries(tmp_path / "none", tmp_path, "darwin") == [tmp_path / "Music" / "Ableton" / "User Library"]
    usual = tmp_path / "Documents" / "Ableton" / "User Library"
    assert user_libraries(tmp_path / "none", tmp_path, "win32") == [usual]


@pytest.mark.parametrize(
    ("live", "can"),
    [((11, 3, 20), False), ((11, 3, 25), True), ((12, 0, 0), False), ((12, 0, 5), True), ((12, 2, 0), True)],
)
def test_versions_that_can_insert(live, can):
    assert can_insert(live) == can


def test_the_doctor_sees_each_state(tmp_path):
    def states():
        return {finding.name: (finding.state, finding.detail) for finding in installer.examine(tmp_path, "darwin", {})}

    assert installer.examine(tmp_path, "linux", {}) == []
    assert states()["live script"] == ("off", "Ableton Live was not found")
    library = tmp_path / "Music" / "Ableton" / "User Library"
    library.mkdir(parents=True)
    assert states()["live script"][1].startswith("not in ")
    installer.put_in(library, tmp_path / "state")
    assert states()["live script"][0] == "ok"
    package = library / "Remote Scripts" / "Punchin"
    (package / "osc.py").unlink()
    assert states()["live script"] == ("problem", "1 files are missing, as osc.py")
    (package / "installed.json").write_text('{"version": "0.0.1", "created": true}')
    assert states()["live script"] == ("problem", "from version 0.0.1")
    (package / "installed.json").unlink()
    assert states()["live script"][0] == "problem"
    preferences = lives(tmp_path, "12.0.1")
    assert states()["live version"][0] == "problem"
    lives(tmp_path, "12.2.5")
    log = preferences / "Live 12.2.5" / "Log.txt"
    log.write_text("2026-11-22T10:00:00 info: Python: INFO:_Framework\n", "utf-8")
    assert states()["live log"][0] == "ok"
    assert "live version" not in states()
    with log.open("a", encoding="utf-8") as file:
        file.write("2026-11-22T10:00:01 info: RemoteScriptMessage: punchin: error: KeyError: 'x'\n")
    assert states()["live log"] == (
        "problem",
        "2026-11-22T10:00:01 info: RemoteScriptMessage: punchin: error: KeyError: 'x'",
    )
