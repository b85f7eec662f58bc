import re
import uuid
from pathlib import PurePosixPath, PureWindowsPath

import pytest
import reaper_parser
import rpp as rpp_reader
from hypothesis import given, settings
from hypothesis import strategies as st
from reaper_parser import schema

from bridge.demo.project import Item, Take, quoted, rpp

RATE = 44_100
SELECTION = Item(
    "Guitar",
    position=352_801 / RATE,
    length=176_399 / RATE,
    takes=(
        Take("as recorded", PurePosixPath("guitar.wav"), offset=352_801 / RATE),
        Take('say "more"', PurePosixPath("clips/take 1.wav")),
        Take("it's", PurePosixPath("clips/take 2.flac"), offset=0.5),
    ),
)
ITEMS = [
    Item("Drum kit", 0.0, 10.0, (Take("drums", PurePosixPath("drums.wav")),)),
    SELECTION,
    Item("Drum kit", 10.0, 2.5, (Take("more drums", PurePosixPath("drums.wav"), offset=3.25),)),
]
TEXT = rpp(ITEMS, bpm=97.5, meter=(7, 8), rate=RATE)


def read(text):
    return reaper_parser.parse(text).project


def test_tracks_stand_in_order_of_first_use():
    project = read(TEXT)
    assert [(track.name, len(track.items)) for track in project.tracks] == [("Drum kit", 2), ("Guitar", 1)]


def test_tempo_meter_and_rate():
    project = read(TEXT)
    assert project.tempo == 97.5
    assert [project.raw("TEMPO", index) for index in (1, 2)] == ["7", "8"]
    assert [project.raw("SAMPLERATE", index) for index in (0, 1)] == ["44100", "1"]


def test_items_lie_on_their_frames():
    item = read(TEXT).tracks[1].items[0]
    assert item.position * RATE == pytest.approx(352_801, abs=1e-6)
    assert item.length * RATE == pytest.approx(176_399, abs=1e-6)
    assert len(item.raw("POSITION").partition(".")[2]) >= 10
    assert item.raw("LOOP") == "0"
    assert [float(item.raw(fade, 1)) for fade in ("FADEIN", "FADEOUT")] == [0.0, 0.0]


def test_takes_and_their_files():
    takes = read(TEXT).tracks[1].items[0].takes
    assert [take.name for take in takes] == ["as recorded", 'say "more"', "it's"]
    assert [take.selected for take in takes] == [True, False, False]
    assert [take.source.file_path for take in takes] == ["guitar.wav", "clips/take 1.wav", "clips/take 2.flac"]
    assert [take.source.type for take in takes] == ["WAVE", "WAVE", "FLAC"]
    assert [round(float(take.raw("SOFFS")) * RATE) for take in takes] == [352_801, 0, 22_050]


def test_a_second_reader_finds_the_same():
    root = rpp_reader.loads(TEXT)
    assert root.tag == "REAPER_PROJECT"
    guitar = root.findall("TRACK")[1]
    assert guitar.find("NAME")[1] == "Guitar"
    item = guitar.find("ITEM")
    assert round(float(item.find("POSITION")[1]) * RATE) == 352_801
    assert [line[1] for line in item.findall("NAME")] == ["as recorded", 'say "more"', "it's"]
    assert item.children.count("TAKE") == 2
    files = [source.find("FILE")[1] for source in item.findall("SOURCE")]
    assert files == ["guitar.wav", "clips/take 1.wav", "clips/take 2.flac"]


def test_every_value_has_the_type_that_its_key_takes():
    faults = []
    for track in reaper_parser.parse(TEXT).tracks():
        faults += [fault for line in track.find_lines("VOLPAN") for fault in schema.validate_line("track", line)]
        for item in track.find_chunks("ITEM"):
            lines = [child for child in item.children if isinstance(child, reaper_parser.Line)]
            faults += [fault for line in lines for fault in schema.validate_line("item", line)]
    assert faults == []


def test_line_ends_are_those_of_real_projects():
    assert TEXT.endswith(">\r\n")
    assert TEXT.count("\n") == TEXT.count("\r\n") == len(TEXT.splitlines())


def test_identifiers_are_valid_different_and_the_same_each_time():
    guids = re.findall(r"^ *(?:IGUID|GUID|TRACKID) (\{.*\})\r$", TEXT, re.MULTILINE)
    assert len(guids) == len(set(guids)) == 2 + 3 + 5
    assert all(str(uuid.UUID(guid)).upper() == guid.strip("{}") for guid in guids)
    assert rpp(ITEMS, bpm=97.5, meter=(7, 8), rate=RATE) == TEXT


def test_windows_paths_are_written_for_every_system():
    item = Item("a", 0.0, 1.0, (Take("a", PureWindowsPath(r"C:\Songs\My Song\take.wav")),))
    text = rpp([item], bpm=120.0, meter=(4, 4), rate=48_000)
    assert read(text).tracks[0].items[0].takes[0].source.file_path == "C:/Songs/My Song/take.wav"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_every_name_survives(name):
    text = rpp([Item(name, 0.0, 1.0, (Take(name, PurePosixPath("a.wav")),))], bpm=120.0, meter=(4, 4), rate=48_000)
    expected = " ".join(name.replace("\0", " ").splitlines())
    if all(mark in expected for mark in "\"'`"):
        expected = expected.replace("`", "'")
    (track,) = read(text).tracks
    assert (track.name, track.items[0].takes[0].name) == (expected, expected)
    second = rpp_reader.loads(text).find("TRACK")
    assert (second.find("NAME")[1], second.find("ITEM").find("NAME")[1]) == (expected, expected)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("", '""'),
        ("plain", '"plain"'),
        ("two words", '"two words"'),
        ('12" mix', "'12\" mix'"),
        ("it's 12\"", "`it's 12\"`"),
        ("`it's` 12\"", "`'it's' 12\"`"),
        ("two\r\nlines", '"two lines"'),
        ("> <TRACK", '"> <TRACK"'),
    ],
)
def test_quoting(name, written):
    assert quoted(name) == written


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 6 * 3600 * 192_000), st.sampled_from([44_100, 48_000, 88_200, 96_000, 192_000]))
def test_every_frame_of_six_hours_comes_back(frame, rate):
    item = Item("a", frame / rate, (frame + 1) / rate, (Take("a", PurePosixPath("a.wav"), frame / rate),))
    (written,) = read(rpp([item], bpm=120.0, meter=(4, 4), rate=rate)).tracks[0].items
    assert round(written.position * rate) == frame
    assert round(written.length * rate) == frame + 1
    assert abs(written.position - frame / rate) <= 1e-10


@pytest.mark.parametrize(
    "item",
    [
        Item("a", 0.0, 1.0, ()),
        Item("a", -0.1, 1.0, SELECTION.takes),
        Item("a", 0.0, 0.0, SELECTION.takes),
        Item("a", float("nan"), 1.0, SELECTION.takes),
        Item("a", 0.0, float("inf"), SELECTION.takes),
        Item("a", 0.0, 1.0, (Take("a", PurePosixPath("a.wav"), offset=-1.0),)),
        Item("a", 0.0, 1.0, (Take("a", PurePosixPath("`it's` 12\".wav")),)),
        Item("a", 0.0, 1.0, (Take("a", PurePosixPath("two\nlines.wav")),)),
    ],
)
def test_what_cannot_be_written_is_refused(item):
    with pytest.raises(ValueError, match=r"the item|rename"):
        rpp([item], bpm=120.0, meter=(4, 4), rate=48_000)


def test_an_empty_project():
    assert read(rpp([], bpm=120.0, meter=(4, 4), rate=48_000)).tracks == []
