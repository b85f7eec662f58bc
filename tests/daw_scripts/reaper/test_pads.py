"""A pad on a real JACK server, the daemon and REAPER's scripts: a press becomes a take on the track."""

import sys

import pytest
from jackrig import running_jack
from midirig import Pad, put_map
from rig import running_daemon

pytestmark = [
    pytest.mark.midi,
    pytest.mark.skipif(sys.platform != "linux", reason="the dummy driver of JACK is tried on Linux"),
]

MAP = """
lights = { idle = 1, queued = 2, rendering = 3, done = 4, failed = 5 }

[[bind]]
on = "note 36"
action = "repaint"
values = { prompt = "dub", engine = "draft", seed = 9 }
lit = true

[[show]]
value = "progress"
on = "cc 20"
"""
DONE, FULL = "902404", "b0147f"


@pytest.fixture
def daemon(tmp_path):
    with running_jack("pads"), running_daemon(tmp_path) as running:
        yield running


def test_a_note_becomes_a_take_on_the_track(daw, daemon, song):
    put_map(daemon.state, MAP)
    pad = Pad()
    track = daw.project.add_track("Gitarre")
    item = daw.project.add_item(track, song, 4.0, 6.0)
    daw.project.select(item)
    daw.project.time_selection = (6.0, 7.0)
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: daw.GetExtState("punchin", "presets"))
    daw.until(lambda: "listening to pad:keys" in (daemon.state / "logs" / "punchin.log").read_text("utf-8"))
    pad.send("902464")
    daw.until(lambda: daw.project.undo)
    assert daw.dialogs == []
    middle = sorted(track.items, key=lambda found: found.start)[1]
    assert middle.frames(44100)[0] == 6 * 44100
    assert middle.take.texts["P_NAME"] == "dub (seed 9)"
    pad.hears(DONE)
    if FULL not in pad.heard:
        pad.hears(FULL)
    pad.close()
