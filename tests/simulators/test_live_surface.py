"""The simulated Live cannot offer what Live lacks."""

import itertools

import pytest
from live import Live
from live.clip import WarpMode
from live.lom import Optional, Value, call
from live.versions import SINCE
from live_stubs import Surface, lies

pytestmark = pytest.mark.ableton

VERSIONS = ["11.3.20", "11.3.25", "12.0.0", "12.0.5", "12.1", "12.2", "12.3"]


@pytest.fixture(scope="module")
def surface():
    return Surface()


@pytest.mark.parametrize("version", VERSIONS)
def test_all_that_it_offers_is_lives(version, surface):
    assert lies(Live(version), surface) == []


def planted(function):
    """A change of the newest simulated Live that the stubs do not bear out."""
    return pytest.param(function, id=function.__name__)


def a_method(live):
    live.classes["Track.Track"].bounce = call(returns=None)(lambda self: None)


def a_property(live):
    live.classes["Clip.Clip"].sample_offset = Value(int)


def a_setter(live):
    live.classes["Clip.Clip"].file_path = named(Value(str, settable=True, listenable=True, audio=True), "file_path")


def a_listener(live):
    live.classes["ClipSlot.ClipSlot"].clip = named(Value("Clip", listenable=True), "clip")


def a_kind(live):
    live.classes["Clip.Clip"].sample_length = named(Value(float), "sample_length")


def an_argument(live):
    declared = call(str, float, Optional(bool, default=True), returns="Clip")(lambda self, path, position, warped: None)
    live.classes["Track.Track"].create_audio_clip = declared


def a_result(live):
    live.classes["Song.Song"].duplicate_track = call(int, returns="Track")(lambda self, index: None)


def a_method_for_a_property(live):
    live.classes["Clip.Clip"].length = call(returns=float)(lambda self: 0.0)


def a_module(live):
    live.modules["Live.Export"] = type(live.modules["Live"])("Live.Export")


def a_function(live):
    live.modules["Live.Application"].render = lambda: None


def a_class(live):
    live.modules["Live.Clip"].Fade = type("Fade", (), {})


def a_number(live):
    live.modules["Live.Clip"].WarpMode = type("WarpMode", (WarpMode,), {"repitch": 4})


def named(value, name):
    value.__set_name__(None, name)
    return value


LIES = [
    a_method, a_property, a_setter, a_listener, a_kind, an_argument, a_result, a_method_for_a_property, a_module, a_function,
    a_class, a_number,
]  # fmt: skip


@pytest.mark.parametrize("lie", [planted(lie) for lie in LIES])
def test_a_planted_lie_is_seen(lie, surface):
    live = Live("12.3")
    lie(live)
    assert len(lies(live, surface)) == 1


def test_versions_differ_by_what_came_with_them():
    offered = {version: members(Live(version)) for version in VERSIONS}
    calls = {"ClipSlot.ClipSlot.create_audio_clip", "Track.Track.create_audio_clip"}
    assert [bool(calls & offered[version]) for version in VERSIONS] == [False, True, False, True, True, True, True]
    assert [any(name.startswith("TakeLane.") for name in offered[version]) for version in VERSIONS] == [False] * 5 + [
        True
    ] * 2
    for older, newer in itertools.pairwise(VERSIONS):
        assert offered[older] - offered[newer] - calls == set()
    assert {name for name in SINCE if "." in name} <= offered["12.3"]


def members(live):
    return {f"{path}.{name}" for path, cls in live.classes.items() for name in vars(cls) if not name.startswith("_")}
