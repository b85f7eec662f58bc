"""The panel, where ReaImGui is installed: it asks as the dialogs do, shows what is rendered, and lets takes be chosen."""

import pytest

RATE = 44100


@pytest.fixture
def panel(daw, song):
    daw.has_imgui = True
    track = daw.project.add_track("Gitarre")
    daw.project.select(daw.project.add_item(track, song, 4.0, 6.0))
    daw.project.time_selection = (6.0, 7.0)
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: daw.GetExtState("punchin", "presets"))
    daw.start(daw.actions_folder / "punchin_panel.lua")
    daw.tick()
    return daw


def shown(daw, kind):
    daw.tick()
    return {label: value for drawn, label, value in daw.drawn if drawn == kind}


def click(daw, *labels):
    daw.clicks += labels
    daw.tick()
    assert (daw.clicks, daw.messages, daw.faults) == ([], [], [])


def test_it_asks_shows_progress_and_lets_takes_be_chosen(panel):
    assert shown(panel, "button")["Cancel"] is False
    panel.typed = {"##prompt": "house\npiano", "Key": "C minor", "Takes": 1}
    click(panel, "Preset", "three-takes")
    click(panel, "Repaint")
    panel.until(lambda: shown(panel, "button")["Cancel"])
    panel.until(lambda: any("rendering" in label for label in shown(panel, "progress")))
    panel.until(lambda: panel.project.undo)
    assert shown(panel, "combo") == {"Preset": "three-takes"}
    (middle,) = [item for item in panel.project.items() if len(item.takes) > 1]
    panel.project.select(middle)
    takes = shown(panel, "selectable")
    assert len(takes) == len(middle.takes) == 4
    assert [label for label, is_active in takes.items() if is_active] == [f"2  {middle.take.texts['P_NAME']}"]
    third = list(takes)[2]
    click(panel, third)
    assert third == f"3  {middle.take.texts['P_NAME']}"
    assert shown(panel, "button")["Listen"] is True
    assert [name for name, _ in panel.project.undo][1:] == ["punchin: choose a take"]
    assert (panel.project.ext["punchin", "key"], panel.dialogs) == ("C minor", [])
    assert middle.take.texts["P_NAME"].startswith("house piano (seed "), "a name is one line"
    (opened,) = [script for script in panel.scripts if "panel" in str(script.path)]
    opened.end()
    panel.typed = {}
    panel.start(panel.actions_folder / "punchin_panel.lua")
    assert shown(panel, "text")["##prompt"] == "house\npiano"


def test_cancel_and_close(panel):
    panel.project.time_selection = (20.0, 140.0)
    panel.typed = {"##prompt": "long"}
    click(panel, "Generate")
    panel.until(lambda: panel.GetExtState("punchin", "progress"))
    click(panel, "Cancel")
    panel.until(lambda: panel.GetExtState("punchin", "open") == "0")
    assert panel.project.undo == []
    panel.gui_collapsed = True
    panel.tick()
    panel.clicks.append("close")
    panel.tick()
    assert [script.path.name for script in panel.scripts if "panel" in str(script.path)] == []


def test_without_the_extension_one_sentence_says_what_is_missing(daw):
    daw.start(daw.actions_folder / "punchin_panel.lua")
    assert daw.messages == ["The panel needs ReaImGui, which ReaPack installs; every action works without it."]
    assert daw.scripts == []
