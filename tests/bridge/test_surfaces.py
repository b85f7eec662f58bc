"""The layouts for control surfaces: read back from their files, pressed, and told what a daemon tells."""

import json
import shutil
import subprocess
import sys
import zlib
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree as ET

import lupa
import pytest
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from bridge.osc.guard import messages
from bridge.presets import presets
from bridge.protocol import messages as m
from bridge.protocol.codec import decode, encode
from bridge.shipped import shipped
from bridge.surfaces import panel, picture

ROOT = Path(__file__).parents[2]
FOLDER = shipped("presets") / "surfaces"
JSON, TOSC, MODULE = FOLDER / "punchin.json", FOLDER / "punchin.tosc", FOLDER / "punchin-module.js"
CONTROLS = panel.named(panel.controls())
BUTTONS = {name: control for name, control in CONTROLS.items() if control.kind == "button"}
SHIPPED = presets()
ANSWERS = [
    (m.Progressed(job_id="j", fraction=0.5, stage="rendering", eta_seconds=3.2), "rendering, 3 s left", 0.5),
    (m.Progressed(job_id="j", fraction=0.0, stage="loading", eta_seconds=-1.0), "loading", 0.0),
    (m.Done(job_id="j", count=1), "done", 1.0),
    (m.Failed(job_id="j", code="bad_source", message="no such file"), "no such file", 0.0),
    (m.Cancelled(job_id="j"), "cancelled", 0.0),
    (m.Rejected(request_id="r", code="not_found", message="no DAW is connected"), "no DAW is connected", None),
    (
        m.Playing(job_id="j", take=2, device="d", latency=0.1, sample_rate=48000, seconds=1.0, gain_db=0.0),
        "take 2 plays",
        None,
    ),
    (m.Stopped(job_id="j", reason="device_lost", underruns=0), "the sound device is gone", None),
    (m.Stopped(job_id="j", reason="ended", underruns=0), "", None),
]


def test_the_files_are_what_the_script_writes(tmp_path):
    subprocess.run([sys.executable, "-m", "bridge.surfaces", str(tmp_path)], check=True, cwd=ROOT, timeout=60)
    assert (tmp_path / JSON.name).read_bytes() == JSON.read_bytes(), "python -m bridge.surfaces"
    assert zlib.decompress((tmp_path / TOSC.name).read_bytes()) == zlib.decompress(TOSC.read_bytes())


@pytest.mark.parametrize("path", [JSON, TOSC], ids=["json", "tosc"])
def test_every_control_stands_in_the_file_where_the_panel_has_it(path):
    found = {box.name: box for box in picture.boxes(path)}
    assert {name for name in found if not name.endswith("_label")} == set(CONTROLS)
    for name, control in CONTROLS.items():
        assert tuple(found[name][1:5]) == (
            control.place.left,
            control.place.top,
            control.place.width,
            control.place.height,
        )
        assert (found.get(f"{name}_label") or found[name]).text == control.label
    for one, other in combinations(CONTROLS.values(), 2):
        a, b = one.place, other.place
        apart = a.left + a.width <= b.left or b.left + b.width <= a.left
        assert apart or a.top + a.height <= b.top or b.top + b.height <= a.top, (one.name, other.name)
    right = max(control.place.left + control.place.width for control in CONTROLS.values())
    bottom = max(control.place.top + control.place.height for control in CONTROLS.values())
    assert right <= panel.WIDTH
    assert bottom <= panel.HEIGHT


def test_every_preset_has_a_button():
    assert {f"preset_{name}" for name in SHIPPED} == {name for name in BUTTONS if name.startswith("preset_")}


def test_a_control_that_sends_what_nobody_knows_cannot_be_made():
    wrong = panel.Control("x", "x", panel.Place(0, 0, 1, 1), "button", address="/punchin/audition", values={"tack": 1})
    with pytest.raises(ValueError, match="tack is no key of /punchin/audition"):
        panel._require_known(wrong)


def request(address, arguments):
    """The typed request of what a surface sends: over the wire's bytes, through guard and codec, as the daemon does it."""
    builder = OscMessageBuilder(address)
    for value, tag in arguments:
        builder.add_arg(value, tag)
    (message,) = messages(builder.build().dgram)
    return decode(message.address, message.arguments, SHIPPED)


def check_requests(requests, held):
    """Requests by the name of their control, made while faders and toggles held these values."""
    assert set(requests) == set(BUTTONS)
    ids = [asked.request_id for asked in requests.values()]
    assert len(set(ids)) == len(ids), "an id that came before is a repetition"
    for name, asked in requests.items():
        control = BUTTONS[name]
        match asked:
            case m.Trigger():
                assert (ROOT / "daw_scripts" / "reaper" / f"punchin_{asked.action}.lua").exists()
                assert asked.parameters.get("preset") == control.values.get("preset")
                sent = {key: asked.parameters[key] for key in control.settings}
                assert sent == pytest.approx({key: held[key] for key in control.settings})
            case m.Audition():
                mode = "context" if held["context"] else "solo"
                assert (asked.job, asked.take, asked.mode) == (None, control.values["take"], mode)
                assert (asked.loop, asked.match) == (bool(held["loop"]), bool(held["match"]) and mode == "solo")
            case m.Stop():
                assert name == "stop"
            case _:
                raise AssertionError(name)


def check_greetings(requests):
    hello, subscribe = requests
    assert (hello.role, hello.token) == ("surface", None)
    assert isinstance(subscribe, m.Subscribe)


INITIAL = {name: control.initial for name, control in CONTROLS.items() if control.kind in {"fader", "toggle"}}
CHANGED = INITIAL | {"strength": 0.25, "takes": 4, "loop": 1, "match": 1}


# TouchOSC: its scripts run in Lua with what they find in the program


class TouchOSC:
    """As much of the program as the scripts use: a tree of controls, a clock, and what is sent."""

    def __init__(self, path):
        self.sent = []
        self.lua = lupa.LuaRuntime(unpack_returned_tuples=True)
        self.nodes = {}
        self.scripts = {}
        self.milliseconds = 1000
        document = ET.fromstring(zlib.decompress(path.read_bytes()).decode())
        for node in document.iter("node"):
            properties = {held.findtext("key"): held for held in node.iterfind("properties/property")}
            values = {held.findtext("key"): held.findtext("default") for held in node.iterfind("values/value")}
            name = properties["name"].findtext("value")
            held = self.lua.table_from({key: float(text) if key == "x" else text for key, text in values.items()})
            self.nodes[name] = self.lua.table_from({"name": name, "values": held})
            if "script" in properties:
                self.scripts[name] = properties["script"].findtext("value")
        self.root = self.nodes["punchin"]
        self.root.findByName = lambda _, name, __: self.nodes[name]
        self.root.notify = lambda _, key, value: self.callbacks.onReceiveNotify(key, value)
        self.callbacks = self.run("punchin")

    def run(self, name):
        """The callbacks that a control's script defines, in a context of its own."""
        context = self.lua.table_from(
            {
                "self": self.nodes[name],
                "root": self.root,
                "sendOSC": self.send,
                "getTime": lambda: self.lua.table_from([12, 30, 0, 5]),
                "getMillis": lambda: self.milliseconds,
            }
        )
        within = "local environment, text = ...; setmetatable(environment, { __index = _G });"
        self.lua.execute(f"{within} assert(load(text, 'script', 't', environment))()", context, self.scripts[name])
        return context

    def send(self, message):
        arguments = [(argument.value, argument.tag) for argument in message[2].values()]
        self.sent.append(request(message[1], arguments))

    def press(self, name):
        control, callbacks = self.nodes[name], self.run(name)
        for value in (1.0, 0.0):
            control["values"].x = value
            callbacks.onValueChanged("x")

    def hear(self, reply):
        heard = OscMessage(encode(reply))
        arguments = [self.lua.table_from({"value": value}) for value in heard.params]
        message = self.lua.table_from([heard.address, self.lua.table_from(arguments)])
        return self.callbacks.onReceiveOSC(message)


@pytest.fixture
def touchosc():
    return TouchOSC(TOSC)


@pytest.mark.parametrize("held", [INITIAL, CHANGED, CHANGED | {"context": 1}], ids=["initial", "changed", "context"])
def test_every_button_of_touchosc_sends_one_legal_request(touchosc, held):
    for name, value in held.items():
        control = CONTROLS[name]
        touchosc.nodes[name]["values"].x = (value - control.low) / (control.high - control.low)
    requests = {}
    for name in BUTTONS:
        touchosc.press(name)
        (requests[name],) = touchosc.sent
        touchosc.sent.clear()
    check_requests(requests, held)


def test_touchosc_shows_what_the_daemon_tells(touchosc):
    for reply, state, fraction in ANSWERS:
        assert touchosc.hear(reply) is True
        assert touchosc.nodes["state"]["values"].text == state
        if fraction is not None:
            assert touchosc.nodes["progress"]["values"].x == fraction
    assert touchosc.hear(m.Pong(request_id="r")) is False, "what it does not know is left to the controls"


def test_touchosc_subscribes_again_before_its_lease_is_over(touchosc):
    touchosc.callbacks.update()
    check_greetings(touchosc.sent)
    touchosc.milliseconds += 19_000
    touchosc.callbacks.update()
    assert len(touchosc.sent) == 2
    touchosc.milliseconds += 1_000
    touchosc.callbacks.update()
    assert len(touchosc.sent) == 4


# Open Stage Control: its module runs in node with what it finds in the program


@pytest.mark.thirdparty
def test_open_stage_control_with_its_module(tmp_path):
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not installed (Debian: nodejs)")
    answers = [OscMessage(encode(reply)) for reply, _, _ in ANSWERS]
    told = [{"address": heard.address, "args": [{"value": value} for value in heard.params]} for heard in answers]
    path = tmp_path / "answers.json"
    path.write_text(json.dumps([*told, {"address": "/punchin/pong", "args": []}]))
    command = [node, str(Path(__file__).with_name("surface_module.js")), str(MODULE), str(JSON), str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    happened = json.loads(ran.stdout)

    def typed(message):
        return request(message["address"], [(argument["value"], argument["type"]) for argument in message["args"]])

    check_greetings([typed(message) for message in happened["greetings"]])
    assert {(message["host"], message["port"]) for message in happened["greetings"]} == {("127.0.0.1", 17862)}
    for round_, held in zip(happened["rounds"], (INITIAL, CHANGED, CHANGED | {"context": 1}), strict=True):
        assert round_["passed"] == [], "what a fader holds stays in the program"
        check_requests({message["id"]: typed(message) for message in round_["asked"]}, held)
    shown = [message["args"][0] for message in happened["shown"] if message["address"] == "/surface/state"]
    assert shown == [state for _, state, _ in ANSWERS]
    fractions = [message["args"][0] for message in happened["shown"] if message["address"] == "/surface/progress"]
    assert fractions == [fraction for _, _, fraction in ANSWERS if fraction is not None]
    assert [message["address"] for message in happened["left"]] == ["/punchin/pong"]


def test_the_pictures_in_the_docs_are_of_these_layouts(tmp_path):
    for path, name in ((JSON, "open-stage-control"), (TOSC, "touchosc")):
        drawn = picture.draw(path)
        assert drawn.size == (2 * panel.WIDTH, 2 * panel.HEIGHT)
        assert (ROOT / "docs" / "images" / f"surface-{name}.png").exists()
        for box in picture.boxes(path):
            if box.colour and not box.filled:
                corner = drawn.getpixel((2 * box.left + 16, 2 * box.top + 5))
                assert "#" + "".join(f"{part:02x}" for part in corner) == box.colour
