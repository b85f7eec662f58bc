"""The installer for Ardour: what others have listed stays byte for byte, and keys stay with their actions."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import psutil
import pytest
from ardour_rig import until
from lupa import lua53

from bridge.install import ardour as installer
from bridge.install import ardour_list, ardour_scripts

SCRIPTS = Path(__file__).parents[3] / "daw_scripts" / "ardour"
# As Ardour writes it: keys in any order, a factory in bytecode, with quotes, line ends and zeros escaped.
OTHERS = (
    b'scripts = {} scripts[2] = {} scripts[2]["s"] = "ardour { \\"x\\" }\\\n-- punchin: not ours" '
    b'scripts[2]["f"] = "\\27Lua\xffS\\0\\r\\\\" scripts[2]["n"] = "Mine" scripts[2]["c"] = "" '
    b'scripts[2]["a"] = {} scripts[2]["a"]["x-script-origin"] = "/home/me/mine.lua"   '
)
HOOK = '<LuaCallback lua="Lua 5.3" id="123" name="Also mine" signals="1000">cyA9IHt9</LuaCallback>'


def with_others(folder):
    state = base64.b64encode(OTHERS).decode()
    text = f'<UIScripts>\n  <ActionScript lua="Lua 5.3">{state}</ActionScript>\n  <ActionHooks>{HOOK}</ActionHooks>\n</UIScripts>'
    (folder / "ui_scripts").write_text(text)


def state_of(folder):
    root = ET.parse(folder / "ui_scripts").getroot()
    return base64.b64decode(root.findtext("ActionScript"))


def listing(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "ardour7"
    folder.mkdir()
    return folder


def test_a_folder_without_scripts_is_as_it_was_after_install_twice_and_uninstall(folder, tmp_path):
    for _ in range(2):
        installer.put_in(folder, tmp_path / "state")
    assert installer.examine([folder]).state == "ok"
    installer.take_out(folder)
    assert listing(folder) == set()
    with pytest.raises(installer.CannotInstall, match="left as it is"):
        installer.take_out(folder)


def test_scripts_of_others_stay_byte_for_byte(folder, tmp_path):
    with_others(folder)
    installer.put_in(folder, tmp_path / "state")
    theirs = OTHERS.removeprefix(b"scripts = {} ").rstrip()
    assert theirs in state_of(folder)
    listed = ardour_list.read((folder / "ui_scripts").read_text())
    assert set(listed.named().values()) == {1, *range(3, 12)}
    assert [hook.get("name") for hook in listed.hooks] == ["Also mine", "punchin: background"]
    assert (folder / "ui_scripts.before-punchin").exists()
    installer.take_out(folder)
    assert state_of(folder).strip() == b"scripts = {} " + theirs
    assert "Also mine" in (folder / "ui_scripts").read_text()
    assert listing(folder) == {"ui_scripts"}


def test_an_action_keeps_its_number_and_so_its_key(folder, tmp_path):
    installer.put_in(folder, tmp_path / "state")
    before = ardour_list.read((folder / "ui_scripts").read_text())
    moved = before.named()["punchin: Repaint"]
    before.actions[20] = before.actions.pop(moved).replace(f"scripts[{moved}]".encode(), b"scripts[20]")
    (folder / "ui_scripts").write_text(ardour_list.write(before))
    installer.put_in(folder, tmp_path / "state")
    assert ardour_list.read((folder / "ui_scripts").read_text()).named()["punchin: Repaint"] == 20


def test_a_full_list_and_one_that_nobody_knows_are_refused_and_left_alone(folder, tmp_path):
    full = b"scripts = {} " + b"".join(
        b'scripts[%d] = {} scripts[%d]["n"] = "x" ' % (slot, slot) for slot in range(1, 31)
    )
    for state, sentence in ((full, "room for 32"), (b"print('hello')", "nothing that Ardour is known to write")):
        text = f"<UIScripts><ActionScript>{base64.b64encode(state).decode()}</ActionScript><ActionHooks/></UIScripts>"
        (folder / "ui_scripts").write_text(text)
        with pytest.raises(installer.CannotInstall, match=sentence):
            installer.put_in(folder, tmp_path / "state")
        assert (folder / "ui_scripts").read_text() == text
        assert listing(folder) == {"ui_scripts"}


def test_lua_reads_every_script_as_ardour_does(folder, tmp_path):
    """The list is a Lua program; each factory, dumped without its surroundings, gives a function."""
    installer.put_in(folder, tmp_path / 'Ordner "mit" Ümlaut')
    lua = lua53.LuaRuntime(encoding="latin-1")
    lua.execute(state_of(folder).decode("latin-1"))
    made = lua.eval(
        "function() local count = 0 for _, s in pairs(scripts) do local f = load(string.dump(load(s.f), true)) "
        "assert(type(f(s.a)) == 'function') count = count + 1 end return count end"
    )()
    assert made == 10
    named = ardour_list.read((folder / "ui_scripts").read_text()).named()
    assert set(named) == {
        *("punchin: Accompany", "punchin: Add an instrument", "punchin: Cancel", "punchin: Continue after"),
        *("punchin: Continue before", "punchin: Cover", "punchin: Extract stems", "punchin: Generate into range"),
        *("punchin: More takes", "punchin: Repaint"),
    }


def test_a_script_holds_the_parts_that_it_asks_for_and_no_others():
    scripts = ardour_scripts.scripts('return { state = "/s" }')
    cancel = set(re.findall(r'modules\["punchin\.([\w.]+)"\]', scripts["punchin_cancel.lua"]))
    assert {"action", "actions.cancel", "client", "config", "osc"} <= cancel
    assert not {"session", "sound", "placing", "actions.repaint"} & cancel
    assert 'return { state = "/s" }' in scripts["punchin_background.lua"]
    assert len(scripts) == 11


def test_settings_of_every_ardour_from_7_on_are_found_oldest_first(tmp_path):
    for name in ("ardour6", "ardour7", "ardour10", "ardour9", "ardour"):
        (tmp_path / ".config" / name).mkdir(parents=True)
    (tmp_path / "Library" / "Preferences" / "Ardour8").mkdir(parents=True)
    (tmp_path / "AppData" / "Local" / "ardour8").mkdir(parents=True)
    found = [path.name for path in installer.config_folders(tmp_path, "linux", {})]
    assert found == ["ardour7", "ardour9", "ardour10"]
    assert [path.name for path in installer.config_folders(tmp_path, "darwin", {})] == ["Ardour8"]
    assert [path.name for path in installer.config_folders(tmp_path, "win32", {})] == ["ardour8"]
    assert installer.config_folders(tmp_path / "nobody", "linux", {}) == []


def test_the_doctor_tells_what_is_missing(folder, tmp_path):
    assert installer.examine([]).state == "off"
    assert installer.examine([folder]).detail == "not installed; punchin install ardour puts them in"
    installer.put_in(folder, tmp_path / "state")
    listed = ardour_list.read((folder / "ui_scripts").read_text())
    (folder / "ui_scripts").write_text(ardour_list.write(ardour_list.ScriptList(listed.actions, [])))
    assert installer.examine([folder]).detail == "nothing receives results"
    (folder / "ui_scripts").write_text(ardour_list.write(ardour_list.ScriptList({}, listed.hooks)))
    assert installer.examine([folder]).detail == "10 actions are missing"
    (folder / "ui_scripts").write_text("<UIScripts>")
    assert installer.examine([folder]).state == "problem"


@pytest.fixture
def running(monkeypatch):
    """Names of the processes that the installer sees: others on this machine may run an Ardour."""
    names = ["python3", None]
    monkeypatch.setattr(psutil, "process_iter", lambda _: [SimpleNamespace(info={"name": name}) for name in names])
    return names


def test_the_command_installs_into_a_named_folder_and_says_so(folder, tmp_path, running, capsys):
    installer.ardour(config_path=folder, state=tmp_path)
    assert f"10 actions are in {folder}" in capsys.readouterr().out
    with pytest.raises(installer.CannotInstall, match="start it once"):
        installer.ardour(config_path=tmp_path / "no")
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "install", "ardour", "--help"], capture_output=True, text=True, check=False
    )
    assert "--config-path" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Ardour's bundle for Linux, started by a POSIX shell")
def test_the_daemon_gets_the_libraries_from_before_ardours_bundle(tmp_path, monkeypatch):
    """A bundle puts its own in front, which Python and numpy would load instead of theirs."""
    seen, python = tmp_path / "seen", tmp_path / "my 'own' python"
    python.write_text(f'#!/bin/sh\necho "$LD_LIBRARY_PATH|$*" > {seen}.new\nmv {seen}.new {seen}\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    line = installer.start_line(tmp_path / "st ate", "linux")
    bundle = {"ARDOUR_BUNDLED": "true", "LD_LIBRARY_PATH": "/opt/Ardour-8/lib:/mine"}
    for environ, libraries in (
        (bundle | {"PREBUNDLE_ENV": "HOME=/me\nLD_LIBRARY_PATH=/mine\nLANG=C"}, "/mine"),
        (bundle | {"PREBUNDLE_ENV": "HOME=/me"}, ""),
        ({"LD_LIBRARY_PATH": "/mine"}, "/mine"),
    ):
        subprocess.run(["sh", "-c", line], env={"PATH": os.environ["PATH"]} | environ, check=True)
        until(seen.exists)
        assert seen.read_text() == f"{libraries}|-m bridge.detached serve --state {tmp_path / 'st ate'}\n"
        seen.unlink()


def test_nothing_is_changed_while_ardour_runs(folder, tmp_path, running):
    running.append("ardour-7.3.0~ds0")
    with pytest.raises(installer.CannotInstall, match="quit it first"):
        installer.ardour(config_path=folder, state=tmp_path)
    assert listing(folder) == set()


def test_uninstall_leaves_an_ardour_alone_that_has_no_scripts(tmp_path, running, capsys, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    both = [tmp_path / ".config" / name for name in ("ardour7", "ardour8")]
    for folder in both:
        folder.mkdir(parents=True)
    installer.put_in(both[1], tmp_path / "state")
    installer.ardour(uninstall=True)
    assert capsys.readouterr().out == f"punchin's scripts are no longer in {both[1]}\n"
    assert listing(both[0]) == listing(both[1]) == set()


def test_luacheck_finds_nothing():
    done = subprocess.run(
        ["luacheck", "--no-color", "-q", "."], cwd=SCRIPTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
