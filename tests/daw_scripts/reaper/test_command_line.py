"""The same scripts in the Lua of the command line, with the LuaSocket of the system: another build, real modules of C."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from reaper.process import PROGRAM, Process
from scripts import SCRIPTS

RATE = 44100
IDLE = Path(__file__).with_name("idle.lua")

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs lua5.4 and lua-socket")


@pytest.fixture
def daw(daws):
    running = daws()
    running.run_by = Process
    return running


@pytest.mark.parametrize("link", ["udp", "spool"])
def test_a_part_is_exported_sent_and_placed(daw, song, monkeypatch, link):
    if link == "spool":
        monkeypatch.setenv("LUA_CPATH", "/none/?.so")
    track = daw.project.add_track("Gitarre")
    item = daw.project.add_item(track, song, 4.0, 6.0)
    item.take.envelopes = 1
    daw.project.select(item)
    daw.project.time_selection = (6.0, 7.0)
    daw.answers.append({"Prompt": "Ümläut ♯", "Seed (-1: random)": "5", "Engine (auto/draft/acestep)": "draft"})
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    before = daw.save()
    daw.until(lambda: daw.project.undo)
    assert daw.GetExtState("punchin", "via") == link
    middle = next(found for found in track.items if len(found.takes) > 1)
    assert middle.frames(RATE) == (6 * RATE, RATE)
    assert middle.take.texts["P_NAME"] == "Ümläut ♯ (seed 5)"
    (heard,) = Path(daw.project.media, "punchin").glob("heard*.wav")
    exported, _ = soundfile.read(heard, dtype="float32")
    recorded, _ = soundfile.read(song, dtype="float32")
    assert np.array_equal(exported[5 * RATE : 6 * RATE], recorded[RATE : 2 * RATE])
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


def test_it_conforms(daw):
    daw.answers.append({})
    daw.start(daw.actions_folder / "conformance.lua")
    report = (daw.resources / "conformance.txt").read_text("utf-8").splitlines()
    assert [line for line in report[1:] if not line.startswith("ok ")] == ["link  udp"]
    assert "ok    an action has the name that keys and buttons know it by" in report


def test_a_lie_is_caught_here_too(daw):
    path = daw.resources / "script.lua"
    path.write_text("pcall(reaper.CountTracks)")
    daw.start(path)
    assert daw.faults == ["script.lua: CountTracks takes 1 arguments, 0 came"]
    daw.faults.clear()


def test_with_nothing_to_do_it_takes_less_than_a_thousandth_of_a_core(record_property):
    """Time of the processor, not of the wall: a busy machine changes little."""
    with tempfile.TemporaryDirectory() as state:
        done = subprocess.run(
            [PROGRAM, IDLE, SCRIPTS, "10"],
            env=os.environ | {"XDG_STATE_HOME": state},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stderr == ""
    record_property("percent", float(done.stdout))
    assert float(done.stdout) < 0.1
