"""What learning writes: into the right map, in place of what the control did, and nothing else is touched."""

import pytest

from bridge.midi import maps
from bridge.midi.bindings import read
from bridge.midi.controls import Control
from bridge.midi.driver import VIRTUAL, matches
from bridge.midi.learned import Learned
from engine.errors import InvalidSpec

PAD = Control("note", 36, 10)
PORT = "My [Pads] MIDI 1 24:0"
OWN = """# Mine, with a mark that Notepad makes.
inputs = ["My [Pads]*"]

[[bind]]
on = "note 36 channel 10"
# not too wild
action = "repaint"
[bind.values]
strength = 0.3

# Held, it is another thing.
[[bind]]
on = "note 36 channel 10"
gesture = "long"
action = "cancel"

[[bind]]
on = "note 36 channel 10"
layer = "shift"
action = "panic"
"""


def learned(action="keep", *, control=PAD, gesture="press", **values):
    return Learned(control, action, gesture, values)


def actions(path):
    return {(str(each.on), each.gesture, each.layer): each.action for each in maps.whole(path).bind}


def test_the_first_control_begins_a_map_that_listens_to_its_port(tmp_path):
    path, replaced = learned(prompt='say "ü"\n').write(tmp_path / "midi", None, PORT)
    assert (path.name, replaced) == ("mine.toml", "")
    found = read(path)
    assert [matches(PORT.replace("24:0", "28:0"), pattern) for pattern in found.inputs + found.outputs] == [True, True]
    assert not found.virtual
    assert found.bind[0].values == {"prompt": 'say "ü"\n'}


def test_what_a_control_did_is_replaced_and_all_else_stays(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(" channel 10", "", 1), "utf-8-sig")
    assert learned().write(tmp_path, None, PORT) == (path, "repaint")
    key = str(PAD)
    expected = {(key, "press", "main"): "keep", (key, "long", "main"): "cancel", (key, "press", "shift"): "panic"}
    assert actions(path) == expected
    assert all(not each.values for each in read(path).bind)
    text = path.read_text("utf-8")
    for comment in ("# Mine, with a mark", "# not too wild", "# Held, it is"):
        assert comment in text
    assert learned("repaint", gesture="long").write(tmp_path, None, PORT) == (path, "cancel")
    assert actions(path) == expected | {(key, "long", "main"): "repaint"}


def test_a_control_of_another_port_gets_a_map_of_its_own(tmp_path):
    learned().write(tmp_path, None, PORT)
    for port, name in (
        ("Pedal", "mine-2"),
        (VIRTUAL, "mine-3"),
        (PORT, "mine"),
        ("Pedal", "mine-2"),
        (VIRTUAL, "mine-3"),
    ):
        path, _ = learned(control=Control("cc", 64, 1)).write(tmp_path, None, port)
        assert path.stem == name
    assert read(path).virtual
    with pytest.raises(InvalidSpec, match=r"mine\.toml does not listen to Pedal; give it another --name"):
        learned().write(tmp_path, "mine", "Pedal")


def test_on_top_of_a_shipped_map_it_takes_the_place(tmp_path):
    path = maps.use(tmp_path, "generic")
    learned(control=Control("note", 21, 1)).write(maps.folder(tmp_path), "generic", "Any Piano")
    pressed = [each for each in maps.whole(path).bind if each.on.is_sent_by(Control("note", 21, 1))]
    assert [each.action for each in pressed] == ["keep"], "the base means this note on any channel"


@pytest.mark.parametrize(
    ("wrong", "name", "words"),
    [
        (learned("preset"), "mine", "the preset's name"),
        (learned(), "../mine", "no name for a file"),
        (learned(), "", "no name"),
    ],
)
def test_what_would_not_be_right_is_not_written(tmp_path, wrong, name, words):
    path = tmp_path / "mine.toml"
    path.write_text(OWN, "utf-8")
    with pytest.raises(InvalidSpec, match=words):
        wrong.write(tmp_path, name, PORT)
    assert path.read_text("utf-8") == OWN
    assert list(tmp_path.iterdir()) == [path]
