"""The device for Max for Live, read back: a sound container, a patch without loose ends, and a message that Live acts on."""

import json
import struct
import subprocess
import sys

from pythonosc.osc_message_builder import OscMessageBuilder
from rig import PlainClient

from bridge.install.max_device import ACTIONS, MESSAGE, device

UI = {"textedit", "textbutton", "message"}


def chunks(data):
    found = {}
    while data:
        name, size = data[:4], struct.unpack("<I", data[4:8])[0]
        assert len(data) >= 8 + size
        found[name], data = data[8 : 8 + size], data[8 + size :]
    return found


def patcher(data):
    text = chunks(data)[b"ptch"]
    assert text.endswith(b"\0")
    return json.loads(text[:-1])["patcher"]


def test_the_container_is_that_of_an_audio_effect(tmp_path):
    path = tmp_path / "punchin prompt.amxd"
    subprocess.run([sys.executable, "-m", "bridge.install.max_device", str(path)], check=True)
    found = chunks(path.read_bytes())
    assert (list(found), found[b"ampf"], found[b"meta"]) == ([b"ampf", b"meta", b"ptch"], b"aaaa", b"\1\0\0\0")
    assert path.read_bytes() == device()


def test_every_line_ends_at_an_object_that_has_such_an_end():
    patch = patcher(device(port=12345))
    boxes = {box["box"]["id"]: box["box"] for box in patch["boxes"]}
    assert len(boxes) == len(patch["boxes"])
    for box in boxes.values():
        assert box["maxclass"] == "newobj" or box["maxclass"] in UI
        assert len(box.get("outlettype", [])) == box["numoutlets"]
    reached = set()
    for line in patch["lines"]:
        (source, outlet), (target, inlet) = line["patchline"]["source"], line["patchline"]["destination"]
        assert outlet < boxes[source]["numoutlets"]
        assert inlet < boxes[target]["numinlets"]
        reached |= {source, target}
    assert reached == set(boxes)
    assert boxes["send"]["text"] == "udpsend 127.0.0.1 12345"


def test_a_button_leads_through_the_patch_to_an_action_in_live(booth, music, live_daemon):
    patch = patcher(device())
    follows = {tuple(line["patchline"]["source"]): line["patchline"]["destination"] for line in patch["lines"]}
    for action in ACTIONS:
        at = follows[f"{action} button", 0][0]
        assert at == action
        way = [at]
        while (way[-1], 0) in follows:
            way.append(follows[way[-1], 0][0])
        assert way == [action, "order", "all", "message", "send"]
    booth.user.look_at("Session")
    clip = booth.user.drop(
        music, booth.track.clip_slots[0], name="ace: seed=8 engine=draft", warping_on=False, content=(1.0, 3.0)
    )
    booth.user.select(clip)
    values = {"$1": "repaint", "$2": "live-device-1", "$3": "brushes instead of sticks"}
    address, *words = MESSAGE.split()
    builder = OscMessageBuilder(address)
    for word in words:
        builder.add_arg(values.get(word, word), "s")
    client = PlainClient(live_daemon.port)
    client.socket.send(builder.build().dgram)
    booth.live.until(lambda: "Done." in booth.said)
    client.close()
    assert booth.track.clip_slots[1].clip.name == "brushes instead of sticks (seed 8)"
