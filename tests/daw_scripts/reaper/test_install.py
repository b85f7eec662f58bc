"""The installer: REAPER runs what it put in, and nothing is left once it has taken it out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.install import reaper as installer

KEYS = "KEY 1 82 _RS0 0 # a comment\nKEY 29 88 40001 0\nKEY 29 82 40001 32060\n"
KEYS += 'SCR 4 0 RSabc "Custom: mine – meins.lua" mine.lua\n'
MENUS = "[Floating toolbar 1]\nicon_0=text\nitem_0=40001 Neu\n[Main extensions]\nitem_0=40002 Etwas\n\n[Main view]\nitem_0=1 x"
STARTUP = "-- mine\nlocal a = 1"  # no line end


def listing(folder):
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def punchin(*arguments):
    command = [sys.executable, "-m", "bridge", "install", "reaper", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fill(resources, style):
    (resources / "Scripts").mkdir(parents=True)
    (resources / "reaper-kb.ini").write_bytes(KEYS.replace("\n", style).encode())
    (resources / "reaper-menu.ini").write_bytes(MENUS.replace("\n", style).encode())
    (resources / "Scripts" / "__startup.lua").write_bytes(STARTUP.replace("\n", style).encode("latin-1"))


@pytest.mark.parametrize("style", [None, "\n", "\r\n"], ids=["new", "lf", "crlf"])
def test_the_folder_is_as_it_was_after_install_twice_and_uninstall(tmp_path, style):
    resources = tmp_path / "Ordner mit Ümlaut"
    resources.mkdir()
    if style:
        fill(resources, style)
    before = listing(resources)
    for _ in range(2):
        placed = installer.put_in(resources, tmp_path / "state", hotkeys=True)
    assert placed.toolbar == ("Floating toolbar 2" if style else "Floating toolbar 1")
    assert placed.taken == (["X"] if style else [])
    installed = listing(resources)
    assert installed["reaper-kb.ini"].count(b"SCR 4 0 RS") == len(
        list(installer._shipped().glob("punchin_*.lua"))
    ) + bool(style)
    assert not [name for name in installed if name.endswith(".luacheckrc")]
    if style == "\r\n":
        assert b"\n" not in installed["reaper-kb.ini"].replace(b"\r\n", b"")
    installer.take_out(resources)
    assert listing(resources) == before


def test_what_reaper_and_the_user_wrote_since_stays(tmp_path):
    resources = tmp_path / "REAPER"
    fill(resources, "\n")
    menus, keys = resources / "reaper-menu.ini", resources / "reaper-kb.ini"
    installer.put_in(resources, tmp_path / "state")
    repaint = "_" + installer.command_id("punchin/punchin_repaint.lua")
    text = menus.read_text("utf-8")
    assert f"[Floating toolbar 2]\ntitle=punchin\nitem_0={repaint} Repaint\n" in text
    assert f"item_1={repaint} punchin: Repaint\n" in text
    light = "_" + installer.command_id("punchin/punchin_background.lua")
    assert f"item_8={light} Rendering\n" in text
    mine = "item_9=40003 Mine\n"
    menus.write_text(f"{text}{mine}icon_9=mine.png\n", "utf-8")
    keys.write_text(keys.read_text("utf-8") + f"KEY 1 70 {repaint} 0\nKEY 1 71 40004 0\n", "utf-8")
    installer.put_in(resources, tmp_path / "state")
    assert f"KEY 1 70 {repaint} 0\n" in keys.read_text("utf-8"), "another version keeps the user's keys"
    assert installer.examine(resources).detail.endswith("buttons on Floating toolbar 2")
    installer.take_out(resources)
    assert keys.read_text("utf-8") == KEYS + "KEY 1 71 40004 0\n"
    left = menus.read_text("utf-8")
    assert "_RS" not in left
    for kept in (
        mine.replace("9", "0", 1),
        "icon_0=mine.png",
        "item_0=40002 Etwas",
        "item_0=1 x",
        "[Floating toolbar 1]\nicon_0=text",
    ):
        assert kept in left
    assert not list(resources.glob("*before-punchin*"))


def test_without_a_free_toolbar_there_are_no_buttons(tmp_path):
    (tmp_path / "reaper-menu.ini").write_text("".join(f"[Floating toolbar {n}]\nitem_0=1 x\n" for n in range(1, 17)))
    before = listing(tmp_path)
    assert installer.put_in(tmp_path, tmp_path / "state").toolbar is None
    installer.take_out(tmp_path)
    assert listing(tmp_path) == before


def test_ids_are_those_that_reaper_gives():
    assert installer.command_id("Cockos/lyrics.lua") == "RS1ee9bb229dabffe151848d7efa3c10f748e1a1cf"


def test_the_command_installs_reports_and_takes_out(tmp_path):
    resources = tmp_path / "REAPER"
    resources.mkdir()
    done = punchin("--resource-path", resources, "--state", tmp_path / "state")
    assert (done.returncode, done.stderr) == (0, "")
    assert str(resources) in done.stdout
    assert installer.examine(resources).state == "ok"
    assert punchin("--resource-path", resources, "--uninstall").returncode == 0
    assert list(resources.iterdir()) == []
    again = punchin("--resource-path", resources, "--uninstall")
    assert again.returncode == 1
    assert again.stderr.startswith("punchin: ")
    assert punchin("--resource-path", tmp_path / "nowhere").returncode == 1


def test_what_somebody_else_put_there_stays(tmp_path):
    own = tmp_path / "Scripts" / "punchin"
    own.mkdir(parents=True)
    (own / "mine.lua").write_text("-- mine")
    with pytest.raises(installer.CannotInstall):
        installer.put_in(tmp_path, tmp_path / "state")
    assert listing(tmp_path).keys() == {"Scripts", "Scripts/punchin", "Scripts/punchin/mine.lua"}


def test_the_doctor_sees_each_state(tmp_path):
    resources = tmp_path / "REAPER"
    assert installer.examine(resources).state == "off"
    resources.mkdir()
    assert installer.examine(resources).state == "off"
    installer.put_in(resources, tmp_path / "state")
    assert installer.examine(resources).state == "ok"
    second = resources / "Scripts" / "Packages"
    shutil.copytree(resources / "Scripts" / "punchin", second)
    assert (installer.examine(resources).state, str(second) in installer.examine(resources).detail) == ("problem", True)
    shutil.rmtree(second)
    (resources / "Scripts" / "punchin" / "punchin_repaint.lua").unlink()
    assert "punchin_repaint.lua" in installer.examine(resources).detail
    installer.put_in(resources, tmp_path / "state")
    assert installer.examine(resources).detail.endswith("buttons on Floating toolbar 1")
    startup = resources / "Scripts" / "__startup.lua"
    startup.write_text("-- mine")
    assert installer.examine(resources).detail == "REAPER does not start the script that receives results"


def test_reaper_starts_the_background_by_itself_and_runs_what_was_installed(daws, daemon, song):
    daw = daws()
    shutil.rmtree(daw.actions_folder)
    installer.put_in(daw.resources, daemon.state)
    daw.start_up()
    assert [Path(script.path).name for script in daw.scripts] == ["punchin_background.lua"]
    track = daw.project.add_track("Gitarre")
    daw.project.select(daw.project.add_item(track, song, 0.0, 6.0))
    daw.project.time_selection = (2.0, 3.0)
    daw.answers.append({"Prompt": "jazz", "Engine (auto/draft/acestep)": "draft"})
    daw.Main_OnCommand(daw.NamedCommandLookup("_" + installer.command_id("punchin/punchin_repaint.lua")), 0)
    daw.until(lambda: daw.project.undo)
    assert [len(item.takes) for item in sorted(track.items, key=lambda item: item.start)] == [1, 2, 1]


def test_an_action_gets_a_key_in_reapers_own_dialog(daw):
    daw.answers += [{"Action (empty: list them)": name} for name in ("more_takes", "../x", "")]
    for _ in range(3):
        daw.start(daw.actions_folder / "punchin_hotkeys.lua")
    assert [Path(path).name for path in daw.hotkeys] == ["punchin_more_takes.lua"]
    assert daw.messages[0].startswith("There is no action ../x")
    assert "\nmore_takes: Ctrl+1\npanel\n" in daw.messages[1]
    assert daw.messages[1].endswith("Buttons: none; punchin install reaper makes a toolbar where one is free")


def test_the_daemon_is_started_where_none_runs(daws, tmp_path, monkeypatch):
    monkeypatch.setenv("PUNCHIN_PORT", "0")
    daw = daws()
    shutil.rmtree(daw.actions_folder)
    installer.put_in(daw.resources, tmp_path / "another state")
    daw.project.time_selection = (0.0, 1.0)
    daw.answers.append({"Prompt": "jazz", "Engine (auto/draft/acestep)": "draft"})
    daw.start(daw.actions_folder / "punchin_generate.lua")
    try:
        daw.until(lambda: daw.project.undo)
    finally:
        for process in daw.processes:
            process.terminate()
            process.wait(20)
