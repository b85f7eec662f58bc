"""Controls, maps, gestures and clocks, on messages as a port would bring them."""

import random

import pytest

from bridge.midi import maps
from bridge.midi.bindings import ACTIONS, Binding, ControllerMap, read
from bridge.midi.clock import Clock
from bridge.midi.controls import Control, event, steps
from bridge.midi.gestures import DOUBLE_SECONDS, LONG_SECONDS, Gestures
from bridge.presets import presets
from engine.errors import InvalidSpec, NotFound


def control(text):
    return Control.parse(text)


# Controls


@pytest.mark.parametrize(
    ("data", "text", "value"),
    [
        ("903c64", "note 60 channel 1", 100),
        ("993c00", "note 60 channel 10", 0),
        ("823c40", "note 60 channel 3", 0),
        ("b0077f", "cc 7 channel 1", 127),
        ("c405", "program 5 channel 5", 127),
        ("e80040", "pitch channel 9", 8192),
        ("f302", "song 2", 127),
        ("f07d01f7", "sysex f0 7d 01 f7", 127),
    ],
)
def test_messages_are_controls_with_a_value(data, text, value):
    found = event(bytes.fromhex(data))
    assert (found.control, found.value) == (control(text), value)
    assert str(found.control) == text


@pytest.mark.parametrize("data", ["", "f8", "fe", "d040", "a03c40", "f20102", "90", "903c"])
def test_what_no_hand_has_done_is_no_control(data):
    assert event(bytes.fromhex(data)) is None


def test_a_control_without_a_channel_is_meant_on_any():
    heard = control("cc 7 channel 12")
    assert control("cc 7").is_sent_by(heard)
    assert control("cc 7 channel 12").is_sent_by(heard)
    assert not control("cc 7 channel 1").is_sent_by(heard)
    assert not control("note 7").is_sent_by(heard)


@pytest.mark.parametrize(
    ("text", "value", "data"),
    [
        ("note 60", 5, "903c05"),
        ("cc 7 channel 16", 300, "bf077f"),
        ("pitch channel 9", 16383, "e87f7f"),
        ("pitch", 8192, "e00040"),
        ("program 3", 0, "c003"),
    ],
)
def test_a_control_shows_a_value(text, value, data):
    assert control(text).message(value).hex() == data


@pytest.mark.parametrize(
    "text", ["note", "note 128", "cc 5 channel 17", "cc 5 channel 0", "sysex 01 02 03", "sysex f0 80 f7", "fader 1"]
)
def test_what_is_no_control_is_refused_in_words(text):
    with pytest.raises(ValueError, match=r"came$"):
        control(text)


@pytest.mark.parametrize(
    ("encoding", "value", "turned"),
    [("twos", 1, 1), ("twos", 127, -1), ("sign", 3, 3), ("sign", 65, -1), ("offset", 66, 2), ("offset", 63, -1)],
)
def test_encoders_tell_how_far_they_turned(encoding, value, turned):
    assert steps(value, encoding) == turned


# Maps


def of(text, folder, name="mine"):
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("name", maps.shipped_maps())
def test_every_shipped_map_is_right(name):
    found = read(maps.shipped_maps()[name])
    assert found.name
    assert found.inputs or found.link
    assert not found.base
    known = presets()
    for binding in found.bind:
        assert not binding.action or binding.action in ACTIONS
        assert binding.back in {"", *ACTIONS}
        assert binding.values.get("preset", "three-takes") in known
        assert binding.at is None or binding.label
        assert binding.to in {"", *found.layers}
    keys = [(binding.on, binding.layer, binding.gesture) for binding in found.bind]
    assert len(keys) == len(set(keys)), "a control does one thing"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bind = [{ on = 'note 1' }]", "needs either `action` or `set`"),
        ("bind = [{ on = 'note 1', action = 'layer' }]", "needs `to`"),
        ("bind = [{ on = 'note 1', action = 'preset' }]", "the preset's name"),
        ("bind = [{ on = 'cc 1', set = 'strength' }]", "needs a mode of dial"),
        ("bind = [{ on = 'song 1', action = 'repaint', lit = true }]", "nothing can be shown on song 1"),
        ("bind = [{ on = 'organ 1', action = 'repaint' }]", "'organ 1' came"),
        ("bind = [{ on = 'note 1', action = 'repaint', gesture = 'triple' }]", "'press', 'long' or 'double'"),
        ("bind = [{ on = 'note 1', action = 'layer', to = 'b', hold = true, gesture = 'long' }]", "can be held"),
        ("setup = ['90 00 00']", "system exclusive bytes"),
        ("colour = 3", "colour: Extra inputs"),
        ("bind = [", "mine.toml"),
    ],
)
def test_a_wrong_map_is_refused_in_words(tmp_path, text, words):
    with pytest.raises(InvalidSpec, match=r"mine\.toml") as refused:
        read(of(text, tmp_path))
    assert words in str(refused.value)


def test_a_map_adds_to_its_base_and_takes_its_place(tmp_path):
    (tmp_path / "midi").mkdir()
    base = read(maps.shipped_maps()["generic"])
    taken = base.bind[0]
    bound = f"{{ on = '{taken.on}', action = 'keep' }}, {{ on = 'cc 99', action = 'panic' }}"
    own = f"base = 'generic'\ninputs = ['Piano*']\nbind = [{bound}]"
    of(own, tmp_path / "midi")
    of("bind = 7", tmp_path / "midi", "broken")
    (found,) = maps.in_use(tmp_path).values()
    assert found.inputs == ("Piano*",)
    assert [each.action for each in found.bind if each.on == taken.on and each.gesture == "press"] == ["keep"]
    assert {each.on for each in found.bind} == {each.on for each in base.bind} | {control("cc 99")}
    assert found.virtual == base.virtual


def test_maps_are_put_into_use_and_out_of_it(tmp_path):
    before = maps.signature(tmp_path)
    path = maps.use(tmp_path, "generic")
    assert maps.in_use(tmp_path)["generic"].bind == read(maps.shipped_maps()["generic"]).bind
    assert maps.signature(tmp_path) != before
    with pytest.raises(InvalidSpec, match="in use already"):
        maps.use(tmp_path, "generic")
    for look in (maps.use, maps.named):
        with pytest.raises(NotFound, match="there are"):
            look(tmp_path, "theremin")
    assert maps.named(tmp_path, "clock").clock
    path.write_text("base = 'generic'\nname = 'Mine'", "utf-8")
    kept = maps.drop(tmp_path, "generic")
    assert kept.exists()
    assert not path.exists()
    assert maps.in_use(tmp_path) == {}
    with pytest.raises(NotFound):
        maps.drop(tmp_path, "generic")
    path.write_text("name = 'Another'", "utf-8")
    with pytest.raises(InvalidSpec, match="was kept"):
        maps.drop(tmp_path, "generic")
    path.unlink()
    maps.use(tmp_path, "generic")
    assert maps.in_use(tmp_path)["generic"].name == "Mine", "what was dropped comes back"


def test_whole_numbers_stay_whole():
    binding = Binding.model_validate({"on": "cc 1", "mode": "dial", "set": "takes", "range": [1, 8]})
    assert all(isinstance(end, int) for end in binding.range)


# Gestures

PAD = Control("note", 60, 1)


class Hands:
    def __init__(self, *known):
        self.made = []
        self.gestures = Gestures(lambda _: known, lambda control, gesture, value: self.made.append((gesture, value)))

    def play(self, *moves):
        """Moves as (seconds, value); 0 lets go. Time passes in steps of 10 ms."""
        now = 0.0
        for at, value in moves:
            while now < at:
                now += 0.01
                self.gestures.tick(now)
            if value:
                self.gestures.pressed(PAD, value, at)
            else:
                self.gestures.released(PAD, at)
        return self.made


@pytest.mark.parametrize(
    ("known", "moves", "made"),
    [
        (["press"], [(0, 90)], [("press", 90)]),
        (["long"], [(0, 90), (0.1, 0), (3, 0)], [("press", 90)]),
        (["press", "long"], [(0, 90)], []),
        (["press", "long"], [(0, 90), (0.2, 0)], [("press", 90)]),
        (["press", "long"], [(0, 90), (LONG_SECONDS + 0.1, 0)], [("long", 90)]),
        (["press", "double"], [(0, 90), (0.1, 0)], []),
        (["press", "double"], [(0, 90), (0.1, 0), (0.2, 40), (0.3, 0), (2, 0)], [("double", 90)]),
        (["press", "double"], [(0, 90), (0.1, 0), (0.1 + DOUBLE_SECONDS + 0.02, 40)], [("press", 90)]),
        (["press", "double", "long"], [(0, 90), (0.1, 0), (0.2, 40), (0.3, 0), (2, 0)], [("double", 90)]),
        (["press", "double", "long"], [(0, 90), (0.7, 0), (2, 0)], [("long", 90)]),
        (["press", "double"], [(0, 90), (5, 0), (6, 0)], [("press", 90)]),
        ([], [(0, 90), (0.1, 0)], []),
    ],
)
def test_presses_become_gestures(known, moves, made):
    assert Hands(*known).play(*moves) == made


def test_what_is_due_is_told():
    hands = Hands("press", "long")
    assert hands.gestures.due is None
    hands.gestures.pressed(PAD, 1, 10.0)
    assert hands.gestures.due == 10.0 + LONG_SECONDS


# Clocks


def ticking(bpm, beats, jitter=0.0, start=0.0):
    dice = random.Random(4)
    step = 60 / bpm / 24
    return [(b"\xf8", start + index * step + dice.uniform(0, jitter)) for index in range(round(beats * 24))]


def listening(*messages):
    clock = Clock()
    for data, at in messages:
        assert clock.heard(data, at)
    return clock


@pytest.mark.parametrize("bpm", [40, 97.5, 120, 174, 300])
def test_the_tempo_of_midi_clock(bpm):
    messages = ticking(bpm, 8)
    assert listening(*messages).transport(messages[-1][1]).bpm == pytest.approx(bpm, rel=1e-9)


@pytest.mark.parametrize("bpm", [90, 120, 150])
def test_the_tempo_bears_the_jitter_of_a_sound_server(bpm):
    """Ticks come up to 21 ms late, the period of a JACK server at 1024 frames and 48 kHz."""
    messages = ticking(bpm, 8, jitter=1024 / 48000)
    assert listening(*messages).transport(messages[-1][1]).bpm == pytest.approx(bpm, rel=0.005)


def test_a_new_tempo_is_there_after_four_beats():
    slow = ticking(100, 8)
    fast = ticking(140, 4.1, start=slow[-1][1] + 60 / 140 / 24)
    assert listening(*slow, *fast).transport(fast[-1][1]).bpm == pytest.approx(140, rel=1e-6)


def test_without_ticks_there_is_no_tempo():
    messages = ticking(120, 4)
    clock = listening(*messages)
    assert clock.transport(messages[-1][1] + 2).bpm is None
    assert listening(*messages[:12]).transport(messages[11][1]).bpm is None
    assert listening().transport(0.0) == (None, None, False)


def test_the_position_follows_start_stop_and_song_position():
    clock = listening(*ticking(120, 4), (b"\xfa", 1.999))
    for data, at in ticking(120, 8, start=2.0):
        clock.heard(data, at)
    # The first tick after start is the start itself.
    assert clock.transport(5.0).seconds == pytest.approx(3.0, abs=0.021)
    assert clock.transport(5.5).is_playing
    clock.heard(b"\xfc", 6.0)
    stopped = clock.transport(6.0)
    assert (stopped.seconds, stopped.is_playing) == (pytest.approx(4.0), False)
    clock.heard(bytes([0xF2, 16, 1]), 6.0)  # 144 sixteenths are 36 beats
    assert clock.transport(6.0).seconds == pytest.approx(18.0)
    clock.heard(b"\xfb", 6.0)
    for data, at in ticking(120, 2, start=6.0):
        clock.heard(data, at)
    assert clock.transport(6.98).seconds == pytest.approx(18.0 + 0.98, abs=0.021)


def quarter_frames(hours, minutes, seconds, frames, kind, rate, at):
    values = [frames, seconds, minutes, hours | kind << 5]
    pieces = [nibble for value in values for nibble in (value & 15, value >> 4)]
    return [(bytes([0xF1, index << 4 | piece]), at + index / 4 / rate) for index, piece in enumerate(pieces)]


@pytest.mark.parametrize(
    ("kind", "rate", "told", "seconds"),
    [
        (0, 24, (0, 1, 2, 12), 62.5),
        (1, 25, (1, 0, 0, 5), 3600.2),
        (2, 30000 / 1001, (0, 10, 0, 0), 17982 * 1001 / 30000),
        (3, 30, (0, 0, 59, 15), 59.5),
    ],
)
def test_time_code_tells_the_position(kind, rate, told, seconds):
    messages = quarter_frames(*told, kind, rate, at=100.0)
    clock = listening(*messages)
    now = messages[-1][1]
    assert clock.transport(now).seconds == pytest.approx(seconds + 7 / 4 / rate)
    assert clock.transport(now + 0.1).seconds == pytest.approx(seconds + 7 / 4 / rate + 0.1)
    assert clock.transport(now).is_playing
    assert not clock.transport(now + 1).is_playing
    assert clock.transport(now + 60).seconds == clock.transport(now + 1).seconds


def test_a_full_frame_sets_the_position_and_half_a_time_sets_nothing():
    clock = listening((bytes.fromhex("f07f7f01016100 0a0cf7".replace(" ", "")), 1.0))
    assert clock.transport(1.0).seconds == pytest.approx(3600 + 10 + 12 / 30)
    before = clock.transport(1.0)
    for data, at in quarter_frames(0, 5, 0, 0, 3, 30, at=2.0)[:6]:
        clock.heard(data, at)
    assert clock.transport(3.0).seconds == pytest.approx(before.seconds + 1.0, abs=1.1)
    assert not clock.heard(bytes.fromhex("f07e00060 1f7".replace(" ", "")), 1.0)
    assert not clock.heard(bytes.fromhex("903c40"), 1.0)


def test_later_wins_over_the_base(tmp_path):
    base = ControllerMap.model_validate({"name": "base", "inputs": ["a"], "lights": {"done": 5}})
    top = ControllerMap.model_validate({"lights": {"done": 9}})
    both = top.on_top_of(base)
    assert (both.name, both.inputs, both.lights) == ("base", ("a",), {"done": 9})
