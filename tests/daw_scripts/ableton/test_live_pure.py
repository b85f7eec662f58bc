"""What needs no Live: messages, warp maps, rounds of a loop, names, notes. Runs in CPython 3.7 as well."""

import os
import sys
import types

import pytest

if "PUNCHIN_SCRIPT" in os.environ:
    FOLDER = os.environ["PUNCHIN_SCRIPT"]
else:
    FOLDER = os.path.join(
        os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3, "daw_scripts", "ableton", "Punchin"
    )

_package = types.ModuleType("Punchin")
_package.__path__ = [FOLDER]
sys.modules["Punchin"] = _package
from Punchin import notes, osc, passes, place, prompts, smf, warp  # noqa: E402
from Punchin.refused import Refused  # noqa: E402

UNEVEN = [(0.0, -1.0), (2.0, 3.4), (6.0, 11.9), (6.01, 11.92)]


@pytest.mark.parametrize(
    "values",
    [[], ["a", "abc", "abcd", "grün – ♯"], [True, False],
     [0, -(2**31), 2**31 - 1, 2**31, -(2**63)], [0.1, -1e300, 1234.3333], [b"", b"12345"]],
)  # fmt: skip
def test_messages_come_back_as_they_were(values):
    packet = osc.encode("/punchin/x", values)
    assert len(packet) % 4 == 0
    address, got = osc.decode(packet)
    assert (address, got, [type(value) for value in got]) == ("/punchin/x", values, [type(value) for value in values])


@pytest.mark.parametrize(
    "packet",
    [b"", b"\0", b"/a\0\0", b"/a\0\0,i\0\0\0",
     b"a\0\0\0,\0\0\0", b"/a\0\0,b\0\0\xff\xff\xff\xff", b"/a\0\0,x\0\0", b"/\xff\0\0,\0\0\0", b"#bundle\0"],
)  # fmt: skip
def test_what_is_no_message_is_refused(packet):
    with pytest.raises(osc.NotOsc):
        osc.decode(packet)


def test_a_cut_message_is_refused():
    packet = osc.encode("/punchin/x", ["text", 1, 2.0, b"blob", 2**40])
    for length in range(len(packet)):
        with pytest.raises(osc.NotOsc):
            osc.decode(packet[:length])


def test_a_part_of_a_warp_map_plays_the_same_audio_at_the_same_beats():
    for start, end in ((0.0, 9.0), (1.0, 5.0), (2.0, 6.0), (3.0, 3.5), (-1.0, 12.0), (7.0, 8.0)):
        part = warp.part(UNEVEN, start, end)
        assert part[0][0] == 0.0
        assert part[-1][0] == end - start
        for step in range(21):
            seconds = start + (end - start) * step / 20
            assert warp.beat_at(part, seconds - start) == pytest.approx(warp.beat_at(UNEVEN, seconds), abs=1e-9)
            beat = warp.beat_at(UNEVEN, seconds)
            assert warp.seconds_at(part, beat) == pytest.approx(seconds - start, abs=1e-9)
    assert warp.part(UNEVEN, 0.0, 9.0)[1:3] == UNEVEN[1:3]
    with pytest.raises(ValueError):
        warp.beat_at([(0.0, 0.0)], 1.0)


def test_a_part_of_a_part_is_a_part():
    twice = warp.part(warp.part(UNEVEN, 1.0, 8.0), 0.5, 4.0)
    assert twice == [pytest.approx(marker) for marker in warp.part(UNEVEN, 1.5, 5.0)]


def test_rounds_of_a_loop():
    assert passes.passes(8.0, 5.0, 1.0, None) == [(8.0, 1.0, 6.0)]
    assert passes.passes(8.0, 13.0, 2.0, (4.0, 8.0)) == [(8.0, 2.0, 8.0), (14.0, 4.0, 8.0), (18.0, 4.0, 7.0)]
    assert passes.passes(0.0, 3.0, 9.0, (4.0, 8.0)) == [(0.0, 9.0, 12.0)]
    rounds = passes.passes(0.0, 12.0, 0.0, (0.0, 4.0))
    assert passes.selected(rounds, 5.0, 7.0) == [(1.0, 3.0)]
    assert passes.selected(rounds, 3.0, 5.0) == [(0.0, 1.0), (3.0, 4.0)]
    assert passes.selected(rounds, 1.0, 11.0) == [(0.0, 4.0)]
    assert passes.selected(rounds, 12.0, 20.0) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Gitarre", None),
        ("ace: brushes", ("", "brushes", {})),
        ("ACE:repaint: more cowbell seed=7 takes=2", ("repaint", "more cowbell", {"seed": 7, "takes": 2})),
        ("ace: extract: midi=1 tracks=drums", ("extract", "", {"midi": True, "tracks": "drums"})),
        ("ace: midi=0", ("", "", {"midi": False})),
        ("ace: cover me in gold", ("", "cover me in gold", {})),
        ("ace: cover", ("cover", "", {})),
        ("ace: extract tracks=drums,bass", ("extract", "", {"tracks": "drums,bass"})),
        ('ace: generate: dub key="A minor" strength=0.5', ("generate", "dub", {"key": "A minor", "strength": 0.5})),
        ("ace: E=mc2 at night", ("", "E=mc2 at night", {})),
        ("ace:", ("", "", {})),
    ],
)
def test_names_that_ask(name, expected):
    assert prompts.in_name(name) == expected


@pytest.mark.parametrize("name", ["ace: seed=x", "ace: takes=9", "ace: strength=2", "ace: bars=0", "ace: midi=2"])
def test_keys_that_are_not_legal_are_refused(name):
    with pytest.raises(Refused, match="came"):
        prompts.in_name(name)


def midi_file(*tracks, head=b"\0\1\0\2\1\xe0", size=None):
    """480 ticks a quarter note."""
    chunks = b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)
    return b"MThd" + (size or len(head)).to_bytes(4, "big") + head + chunks


CONDUCTOR = bytes.fromhex("00ff5103 07a120  8360ff5103 0f4240  00ff2f00")  # 120, from the second quarter on 60 a minute
BASS = bytes.fromhex(
    "00ff0304 42617373 00c021 00b00a40  00902864  816a28 00  00902832 8360902800  8360 902d01 8360 f00301f7f7 8360 803000"
)


def test_the_notes_of_a_midi_file_are_in_seconds(tmp_path):
    path = tmp_path / "Baß.mid"
    drums = bytes.fromhex("00992450 00c00000902464 00f70101 8360 892400 00802440")
    path.write_bytes(midi_file(CONDUCTOR, BASS, drums))
    assert smf.read(str(path)) == [
        ("Bass", [(0.0, 0.24375, 40, 100, False), (0.24375, 0.74375 + 0.24375, 40, 50, False), (1.9875, 3.9875, 45, 1, False)]),
        ("", [(0.0, 0.5, 36, 80, True), (0.0, 0.5, 36, 100, False)]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "no MIDI file"), (b"RIFF....", "no MIDI file"), (b"MThd\0\0", "is cut off"),
     (midi_file(CONDUCTOR, head=b"\0\1\0\1\xe7\x28"), "are not in beats"), (midi_file(b"\0\x30\x30"), "no status"),
     (midi_file(BASS)[:-40], "is cut off"), (midi_file(CONDUCTOR) + b"MT", "is cut off")],
)  # fmt: skip
def test_what_is_no_midi_file_is_refused(tmp_path, content, reason):
    path = tmp_path / "x.mid"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as refused:
        smf.read(str(path))
    assert str(path) in str(refused.value)


def test_notes_are_found_by_their_cookie_and_by_nothing_else(tmp_path):
    kept = notes.Notes(str(tmp_path / "notes"))
    cookie = kept.write({"verb": "cover", "like": [1.5, "ü"]})
    assert kept.read(cookie) == {"verb": "cover", "like": [1.5, "ü"]}
    (tmp_path / "secret.json").write_text("{}")
    for other in ("", "live:", "live:../secret", cookie + "0", "reaper:" + cookie[5:]):
        assert kept.read(other) is None
    kept.drop(cookie)
    assert kept.read(cookie) is None
    kept.drop(cookie)


def test_the_place_of_the_daemon(tmp_path):
    assert place.port(str(tmp_path)) is None
    (tmp_path / "daemon.json").write_text('{"port": 17862}')
    assert place.port(str(tmp_path)) == 17862
    (tmp_path / "config.json").write_text('{"state": "/s", "daemon": ["a", "b"]}')
    assert place.load(str(tmp_path)) == ("/s", ["a", "b"])
    (tmp_path / "config.json").write_text("[]")
    assert place.load(str(tmp_path)).command == []
    assert place.load(str(tmp_path)).state.endswith("punchin")
