"""Controllers on ports in memory: hands in, requests out, replies in, lights out."""

import pytest

from bridge.midi.bindings import ControllerMap
from bridge.midi.clock import Transport
from bridge.midi.controls import Control
from bridge.midi.driver import VIRTUAL, matches
from bridge.midi.feedback import AT_ONCE, OUTCOME_SECONDS, PAUSE_SECONDS, Outbox
from bridge.midi.ports import Heard, Ports
from bridge.midi.surface import AGAIN_SECONDS, Surface
from bridge.presets import presets
from bridge.protocol import messages as m

LIGHTS = {"idle": 1, "queued": 2, "rendering": 3, "done": 4, "failed": 5}
NOTE_1, NOTE_2 = "900164", "900264"


class Desk:
    """A surface whose port `pad` is played and looked at."""

    def __init__(self, *bind, has_daw=True, link=Transport, **keys):
        self.asked, self.sent, self.now = [], [], 100.0
        self.surface = Surface(
            self._ask, lambda port, data: self.sent.append(data.hex()), presets(), lambda: has_daw, link
        )
        keys = {"inputs": ["pad*"], "outputs": ["pad*"], "lights": LIGHTS, **keys}
        self.surface.use({"map": ControllerMap.model_validate({"bind": bind, **keys})})
        self.surface.changed(Ports(["pad"], ["pad"], ["pad"], ["pad"]), self.now)
        self.wait(2 * AGAIN_SECONDS)
        self.sent.clear()

    def _ask(self, address, arguments):
        assert len(arguments[0]) == 16 or address == "/punchin/received"
        rest = arguments[1:]
        self.asked.append((address.removeprefix("/punchin/"), dict(zip(rest[::2], rest[1::2], strict=True))))

    def play(self, *messages, port="pad"):
        for data in messages:
            self.surface.heard(Heard(port, self.now, bytes.fromhex(data)))
        asked, self.asked = self.asked, []
        return asked

    def wait(self, seconds):
        until = self.now + seconds
        while (due := self.surface.due(self.now)) is not None and due <= until:
            self.now = max(self.now, due)
            self.surface.tick(self.now)
        self.now = until
        asked, self.asked = self.asked, []
        return asked

    def lights(self):
        """What is sent until nothing more is due at once."""
        self.asked = self.wait(0.5)
        sent, self.sent = self.sent, []
        return sent

    def told(self, *replies):
        for reply in replies:
            self.surface.told(reply, self.now)
        return self.lights()


def pad(**keys):
    return {"on": "note 1", **keys}


def progress(fraction, stage="rendering", job="j"):
    return m.Progressed(job_id=job, fraction=fraction, stage=stage, eta_seconds=1.0)


# Hands


def test_a_note_triggers_with_its_velocity_and_its_values():
    desk = Desk(pad(action="repaint", by_value={"strength": [0.2, 1.0]}, values={"prompt": "dub", "takes": 2}))
    assert desk.play("99017f") == [("trigger", {"action": "repaint", "strength": 1.0, "prompt": "dub", "takes": 2})]
    assert desk.play("990101")[0][1]["strength"] == pytest.approx(0.2063)
    assert desk.play("990100", "890140", "900264", "b00164") == []
    assert desk.play("99017f", port="other") == []


@pytest.mark.parametrize(
    ("action", "values", "asked"),
    [
        ("more takes", {}, [("trigger", {"action": "more_takes"})]),
        ("audition stop", {}, [("stop", {})]),
        ("pause", {}, [("pause", {})]),
        ("resume", {}, [("resume", {})]),
        ("panic", {}, [("trigger", {"action": "panic"}), ("stop", {})]),
        ("preset", {"preset": "house-loop"}, [("trigger", {"action": "generate", "preset": "house-loop"})]),
        ("preset", {"preset": "of-nobody"}, []),
        ("whatever a script adds", {}, [("trigger", {"action": "whatever_a_script_adds"})]),
    ],
)
def test_actions_become_requests(action, values, asked):
    assert Desk(pad(action=action, values=values)).play(NOTE_1) == asked


@pytest.mark.parametrize(
    ("on", "data"),
    [
        ("program 5", "c305"),
        ("song 2", "f302"),
        ("sysex f0 7d 01 f7", "f07d01f7"),
        ("cc 64", "b0407f"),
        ("pitch", "e0007f"),
    ],
)
def test_every_kind_of_control_triggers(on, data):
    desk = Desk({"on": on, "action": "repaint"})
    assert len(desk.play(data)) == 1
    assert len(desk.play(data)) == 1


def test_a_pedal_that_toggles_is_pressed_each_time():
    desk = Desk({"on": "cc 64", "action": "cancel", "mode": "toggle"})
    assert len(desk.play("b0407f", "b04000", "b0407f")) == 3


def test_long_and_double_presses_wait_for_the_clock():
    desk = Desk(pad(action="cancel"), pad(action="panic", gesture="long"), pad(action="keep", gesture="double"))
    assert desk.play(NOTE_1, "800100") == []
    assert [values["action"] for _, values in desk.wait(0.4)] == ["cancel"]
    assert [values["action"] for _, values in desk.play(NOTE_1, "800100", NOTE_1)] == ["keep"]
    desk.play("800100", NOTE_1)
    assert [values.get("action") for _, values in desk.wait(0.6)] == ["panic", None]


def test_dials_and_encoders_set_what_goes_along():
    desk = Desk(
        pad(action="repaint"),
        {"on": "note 2", "action": "keep"},
        {"on": "cc 7", "mode": "dial", "set": "strength", "range": [0.0, 1.0]},
        {"on": "cc 16", "mode": "sign", "set": "takes", "range": [1, 8]},
        {"on": "pitch channel 1", "mode": "dial", "set": "bars", "range": [1, 16]},
        {"on": "cc 17", "mode": "twos", "action": "audition next", "back": "audition previous"},
    )
    assert desk.play(NOTE_1) == [("trigger", {"action": "repaint"})]
    assert desk.play("b00740", "b01003", "b01041", "e0007f") == []
    along = {"strength": pytest.approx(0.5, abs=0.01), "takes": 3, "bars": 16}
    assert desk.play(NOTE_1) == [("trigger", {"action": "repaint", **along})]
    assert isinstance(desk.surface.dials["takes"], int)
    assert desk.play(NOTE_2) == [("trigger", {"action": "keep"})]
    turned = desk.play("b01101", "b0117f", "b01100")
    assert [values["action"] for _, values in turned] == ["audition_next", "audition_previous"]
    desk.play(*["b01041"] * 20)
    assert desk.surface.dials["takes"] == 1


def test_layers_are_held_or_switched():
    desk = Desk(
        pad(action="repaint"),
        pad(action="cancel", layer="b"),
        pad(action="keep", layer="c"),
        {"on": "cc 98", "action": "layer", "to": "b", "hold": True},
        {"on": "note 9", "action": "layer", "to": "c", "layer": "*"},
    )

    def action():
        return desk.play(NOTE_1)[0][1]["action"]

    assert action() == "repaint"
    desk.play("b0627f")
    assert action() == "cancel"
    desk.play("b06200")
    assert action() == "repaint"
    desk.play("900964", "800900")
    assert action() == "keep"
    desk.play("900964", "800900")
    assert action() == "repaint"


def test_layers_are_let_go_in_any_order_and_by_being_unplugged():
    held = (
        {"on": f"cc {number}", "action": "layer", "to": f"l{number}", "hold": True, "layer": "*"} for number in (1, 2)
    )
    desk = Desk(*held, pad(action="main"), pad(action="one", layer="l1"), pad(action="two", layer="l2"))

    def action():
        return desk.play(NOTE_1)[0][1]["action"]

    desk.play("b0017f", "b0027f")
    assert action() == "two"
    desk.play("b00100")
    assert action() == "two"
    desk.play("b00200")
    assert action() == "main"
    desk.play("b0017f", "b0017f", "b00100")
    assert action() == "main", "the first release was not heard"
    desk.play("b0017f")
    desk.surface.changed(Ports(), desk.now)
    desk.surface.changed(Ports(["pad"], ["pad"], ["pad"], ["pad"]), desk.now)
    assert action() == "main"


def test_a_pedal_that_sends_how_far_it_is_down_presses_once():
    desk = Desk({"on": "cc 64", "action": "repaint"}, {"on": "pitch", "action": "keep"})
    travel = [f"b040{value:02x}" for value in (10, 70, 90, 127, 100, 66, 30, 0)]
    assert len(desk.play(*travel)) == 1
    assert len(desk.play(*travel)) == 1
    assert len(desk.play("b0407f", "b0407f")) == 2, "a switch that sends nothing else"
    assert desk.play("e00040", "e00050") == [], "a wheel at rest, and a little off"
    assert len(desk.play("e00060", "e07f7f", "e00040")) == 1


def test_what_is_unplugged_while_it_is_pressed_does_nothing_more():
    desk = Desk(pad(action="panic", gesture="long"))
    desk.play(NOTE_1)
    desk.surface.changed(Ports(), desk.now)
    assert desk.wait(1.0) == []


def test_without_a_daw_the_clock_tells_the_tempo_of_new_music():
    def linked():
        return Transport(128.0, 3.25, is_playing=True)

    desk = Desk(pad(action="generate", values={"bars": 4}), has_daw=False, link=linked)
    assert desk.play(NOTE_1) == [("trigger", {"action": "generate", "bpm": 128.0, "position": 3.25, "bars": 4})]
    desk = Desk(pad(action="audition next", values={"loop": True}), has_daw=False, link=linked)
    assert desk.play(NOTE_1) == [("trigger", {"action": "audition_next", "bpm": 128.0, "loop": True})]
    assert Desk(pad(action="generate"), link=linked).play(NOTE_1) == [("trigger", {"action": "generate"})]
    clocked = Desk(pad(action="generate"), has_daw=False, link=linked, clock=True)
    for _ in range(49):
        clocked.now += 60 / 90 / 24
        assert clocked.play("f8") == []
    ((_, values),) = clocked.play(NOTE_1)
    assert values["bpm"] == pytest.approx(90.0)


# Lights


def test_lights_follow_the_jobs():
    desk = Desk(pad(action="repaint", lit=True), show=[{"value": "progress", "on": "cc 20 channel 2"}])
    assert desk.told(progress(0.0, "queued")) == ["900102"]
    assert desk.told(progress(0.0)) == ["900103"]
    assert desk.told(progress(0.5)) == ["b11440"]
    assert desk.told(progress(0.5), progress(0.0, "queued", job="k")) == []
    assert desk.told(m.Done(job_id="j", count=1)) == ["900102", "b11400"]
    assert desk.play() == [("received", {})]
    assert desk.told(m.Cancelled(job_id="k")) == ["900101"]
    assert desk.told(m.Failed(job_id="l", code="engine_error", message="no")) == ["900105"]
    assert desk.told(m.Rejected(request_id="r", code="not_found", message="no DAW")) == []
    desk.wait(OUTCOME_SECONDS)
    assert desk.lights() == ["900101"]


def test_motor_faders_go_where_their_dial_is_and_layers_change_the_lights():
    desk = Desk(
        pad(action="repaint", light=20),
        pad(action="cancel", layer="b", light=5),
        {"on": "note 2", "action": "keep", "layer": "b", "light": 6},
        {"on": "cc 98", "action": "layer", "to": "b", "hold": True},
        {"on": "cc 7", "mode": "dial", "set": "strength"},
        show=[{"value": "strength", "on": "pitch channel 3"}],
    )
    desk.play("b0077f")
    assert desk.lights() == ["e27f7f"]
    desk.play("b0627f")
    assert sorted(desk.lights()) == ["900105", "900206"]
    desk.play("b06200")
    assert sorted(desk.lights()) == ["900114", "900200"]


def test_what_is_plugged_in_again_is_set_up_again():
    desk = Desk(pad(action="repaint", lit=True), setup=["f0 7d 01 f7"])
    assert desk.told(progress(0.1)) == ["900103"]
    desk.surface.changed(Ports(), desk.now)
    assert desk.told(m.Done(job_id="j", count=1)) == []
    desk.surface.changed(Ports(["pad"], ["pad"], ["pad"], ["pad"]), desk.now)
    assert desk.lights() == ["f07d01f7", "900104"]
    desk.wait(AGAIN_SECONDS)
    assert desk.lights() == ["f07d01f7", "900104"], "it may have been deaf while it started"
    desk.wait(AGAIN_SECONDS)
    assert desk.lights() == []


def test_controllers_are_left_as_they_were():
    keys = {"setup": ["f0 7d 01 f7"], "leave": ["f0 7d 00 f7"], "show": [{"value": "progress", "on": "cc 20"}]}
    bind = (pad(action="repaint", lit=True), {"on": "note 2", "action": "keep", "light": 7})
    desk = Desk(*bind, **keys)
    desk.told(progress(0.5))
    desk.surface.leave()
    assert desk.sent == ["900100", "900200", "f07d00f7"], "a motor fader stays where it is"
    desk = Desk(*bind, **keys)
    desk.surface.use({})
    assert desk.sent == ["900100", "900200", "f07d00f7"]
    desk = Desk(*bind, **keys)
    desk.surface.use({"map": ControllerMap.model_validate({"outputs": ["pad*"], "bind": bind[:1], "lights": LIGHTS})})
    assert desk.lights() == ["900100", "900200", "900101"]


def test_a_map_that_changes_is_used_at_once():
    desk = Desk(pad(action="repaint"))
    desk.surface.use({"map": ControllerMap.model_validate({"inputs": ["pad"], "bind": [pad(action="keep")]})})
    assert desk.play(NOTE_1) == [("trigger", {"action": "keep"})]
    desk.surface.use({})
    assert desk.play(NOTE_1) == []
    assert desk.surface.wanted() == ([], [], False)


def test_virtual_ports_belong_to_maps_that_offer_them():
    desk = Desk(pad(action="repaint"), virtual=True)
    assert desk.surface.wanted() == (["pad*"], ["pad*"], True)
    assert len(desk.play(NOTE_1, port=VIRTUAL)) == 1
    assert Desk(pad(action="repaint"), inputs=["*"]).play(NOTE_1, port=VIRTUAL) == []


def test_fast_changes_are_left_out_and_the_last_one_is_sent():
    sent = []
    outbox = Outbox(lambda port, data: sent.append(data[2]))
    fader = Control("cc", 1)
    for step in range(100):
        outbox.show("pad", {fader: step})
        outbox.tick(10 + step / 1000)
    outbox.tick(outbox.due)
    assert sent[-1] == 99
    assert len(sent) == 3, f"the first, the last, and one after {PAUSE_SECONDS} s"
    assert outbox.due is None


def test_many_lights_are_sent_in_portions():
    sent = []
    outbox = Outbox(lambda port, data: sent.append(data))
    outbox.show("pad", {Control("note", number): 5 for number in range(100)})
    now, portions = 10.0, []
    while outbox.due is not None:
        now = max(now, outbox.due)
        before = len(sent)
        outbox.tick(now)
        portions.append(len(sent) - before)
    assert max(portions) == AT_ONCE
    assert len(set(sent)) == len(sent) == 100


@pytest.mark.parametrize(
    ("name", "pattern", "is_meant"),
    [
        ("Launchpad Mini MK3:LPMiniMK3 MI 24:1", "*lpminimk3*", True),
        ("pad:keys", "pad:*", True),
        ("pad:keys", "pad", False),
        ("a[b]", "a*", True),
        ("a[b] 1", "A[B]*", True),
    ],
)
def test_ports_are_meant_by_patterns(name, pattern, is_meant):
    assert matches(name, pattern) is is_meant
