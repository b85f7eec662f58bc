"""The simulated REAPER refuses what the real one would not take, and reads and saves real files."""

import re
import subprocess

import numpy as np
import pytest
import reaper_parser
import rpp
import soundfile
from reaper import Reaper
from reaper.api import BUILT_IN, FUNCTIONS, IMGUI, Fault, parameter
from scripts import SCRIPTS

LIES = {
    "a name that does not exist": "reaper.GetTrackColour(nil)",
    "too few arguments": "reaper.CountTracks()",
    "too many arguments": "reaper.CountTracks(0, 1)",
    "text for a number": "reaper.GetTrack(0, 'first')",
    "half an index": "reaper.GetTrack(0, 0.5)",
    "an item for a track": "reaper.GetTrackGUID(reaper.GetMediaItem(0, 0))",
    "a misspelled parameter": "reaper.GetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'D_POSTION')",
    "a parameter of something else": "reaper.GetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'D_STARTOFFS')",
    "a parameter that cannot be set": "reaper.SetMediaTrackInfo_Value(reaper.GetTrack(0, 0), 'IP_TRACKNUMBER', 2)",
    "a change without undo": "reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'D_LENGTH', 1)",
    "an undo block left open": "reaper.Undo_BeginBlock2(0)",
    "the display left held": "reaper.PreventUIRefresh(1)",
    "the display released twice": "reaper.PreventUIRefresh(-1)",
    "an accessor left": "reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0))",
    "an accessor used after its end": """
        local accessor = reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0))
        reaper.DestroyAudioAccessor(accessor)
        reaper.GetAudioAccessorSamples(accessor, 48000, 2, 0, 10, reaper.new_array(20))""",
    "a buffer that is too small": """
        local accessor = reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0))
        pcall(reaper.GetAudioAccessorSamples, accessor, 48000, 2, 0, 10, reaper.new_array(10))
        reaper.DestroyAudioAccessor(accessor)""",
    "a dialog that nobody answers": "reaper.GetUserInputs('t', 1, 'a', '')",
    "more captions than fields": "reaper.GetUserInputs('t', 1, 'a,b', '')",
    "a lie that the script swallows": "pcall(reaper.CountTracks)",
    "a handle of what is gone": """
        reaper.Undo_BeginBlock2(0)
        reaper.InsertTrackAtIndex(0, false)
        local track = reaper.GetTrack(0, 0)
        reaper.Undo_EndBlock2(0, 'new', -1)
        reaper.Undo_DoUndo2(0)
        reaper.GetTrackGUID(track)""",
    "the user's selection changed": """
        reaper.Undo_BeginBlock2(0)
        reaper.SetMediaItemInfo_Value(reaper.GetMediaItem(0, 0), 'B_UISEL', 0)
        reaper.Undo_EndBlock2(0, 'deselect', -1)""",
    "a widget outside of a window": "reaper.ImGui_Text(reaper.ImGui_CreateContext('t'), 'x')",
    "a window left open": "reaper.ImGui_Begin(reaper.ImGui_CreateContext('t'), 'w', true)",
    "a newer function in an older REAPER": "reaper.InsertTrackInProject(0, 0, 0)",
}


@pytest.fixture
def daw(tmp_path, song):
    running = Reaper(tmp_path, rate=48000, version="7.17")
    running.has_imgui = True
    item = running.project.add_item(running.project.add_track("Gitarre"), song, 1.0, 4.0, offset=2.0)
    running.project.select(item)
    return running


def run(daw, text):
    path = daw.resources / "script.lua"
    path.write_text(text, "utf-8")
    daw.start(path)


@pytest.mark.parametrize("text", LIES.values(), ids=LIES)
def test_a_lie_is_caught(daw, text):
    run(daw, text)
    assert daw.faults != []
    assert not any("rig:" in fault for fault in daw.faults)


def test_what_is_right_is_not_caught(daw):
    run(
        daw,
        """
        reaper.Undo_BeginBlock2(0)
        local track = reaper.GetTrack(0, 0)
        assert(type(track) == 'userdata' and track == reaper.GetTrack(0, 0))
        assert(reaper.GetMediaTrackInfo_Value(track, 'IP_TRACKNUMBER') == 1.0)
        reaper.GetSetMediaTrackInfo_String(track, 'P_NAME', 'Ümlaut', true)
        reaper.Undo_EndBlock2(0, 'name', -1)
        """,
    )
    assert daw.faults == []
    assert daw.project.content.tracks[0].name == "Ümlaut"


def arguments_of(text, at):
    """The arguments, as they are written, of a call whose parenthesis opens before `at`."""
    found, depth, start = [], 0, at
    token = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[(){}\[\],]|--[^\n]*')
    while match := token.search(text, at):
        at = match.end()
        if match[0] in "([{":
            depth += 1
        elif match[0] == "," and depth == 0:
            found.append(text[start : match.start()].strip())
            start = at
        elif match[0] in ")]}":
            if depth == 0:
                last = text[start : match.start()].strip()
                return [*found, last] if last else found
            depth -= 1
    raise AssertionError("a call without an end")


PARAMETERS_OF = {
    "MediaTrackInfo_Value": "track", "SetMediaTrackInfo_String": "track_str", "MediaItemInfo_Value": "item",
    "SetMediaItemInfo_String": "item_str", "MediaItemTakeInfo_Value": "take", "SetMediaItemTakeInfo_String": "take_str",
    "SetProjectInfo": "project", "SetProjectInfo_String": "project_str",
}  # fmt: skip


def wrong_calls(text):
    """Calls with a name, a number of arguments or a parameter that the lists have not, whether a test runs them or not."""
    wrong = []
    for match in re.finditer(r"\breaper\.(\w+)(\(?)", text):
        name = match[1]
        function = FUNCTIONS.get(name) or IMGUI.get(name)
        if not function:
            wrong += [name] if name not in BUILT_IN else []
            continue
        arguments = arguments_of(text, match.end()) if match[2] else None
        if arguments is None:
            continue
        may_be_more = arguments and (arguments[-1].endswith((")", "...")))
        if len(arguments) > len(function.arguments) or (len(arguments) < function.fewest and not may_be_more):
            wrong.append(f"{name} with {len(arguments)} arguments")
        kind = PARAMETERS_OF.get(re.sub("^(Get|Set)", "", name))
        if kind and re.fullmatch(r'"[^"]*"', arguments[1]):
            setting = name.startswith("Set") or arguments[-1] == "true"
            try:
                parameter(kind, arguments[1][1:-1], setting=setting)
            except Fault as fault:
                wrong.append(str(fault))
    return wrong


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.lua")), ids=lambda path: path.name)
def test_every_call_of_the_scripts_is_as_listed(path):
    assert wrong_calls(path.read_text("utf-8")) == []


def test_a_lie_that_no_test_runs_is_caught():
    lies = """
    if never then
      reaper.GetTrackColour(track)
      reaper.CountTracks(0, (1))
      reaper.GetSet_LoopTimeRange2(0, false, false)
      reaper.SetMediaItemInfo_Value(item, "D_POSTION", at("a, b", { 1, 2 }))
      reaper.SetMediaTrackInfo_Value(track, "IP_TRACKNUMBER", 2)
    end
    reaper.SetMediaItemInfo_Value(item, "D_POSITION", at("a, b", { 1, 2 }))
    """
    assert wrong_calls(lies) == [
        "GetTrackColour",
        "CountTracks with 2 arguments",
        "GetSet_LoopTimeRange2 with 3 arguments",
        "'D_POSTION' is no parameter of item",
        "'IP_TRACKNUMBER' of track cannot be set",
    ]


def test_it_answers_what_the_conformance_script_asks_of_a_real_one(tmp_path):
    running = Reaper(tmp_path)
    running.answers.append({})
    running.start(SCRIPTS / "conformance.lua")
    report = (running.resources / "conformance.txt").read_text("utf-8").splitlines()
    assert [line for line in report[1:] if not line.startswith("ok ")] == ["link  spool"]
    assert len(report) == 22
    assert running.faults == []


def test_the_docs_name_every_action():
    told = (SCRIPTS.parents[1] / "docs" / "reaper.md").read_text("utf-8")
    assert set(re.findall(r"`(punchin_\w+\.lua)` \|", told)) == {path.name for path in SCRIPTS.glob("punchin_*.lua")}


def test_luacheck_finds_nothing():
    done = subprocess.run(
        ["luacheck", "--no-color", "-q", "."], cwd=SCRIPTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_accessor_reads_the_recording(daw, song):
    run(
        daw,
        """
        local accessor = reaper.CreateTrackAudioAccessor(reaper.GetTrack(0, 0))
        local buffer = reaper.new_array(2000)
        buffer.clear(0.5)
        assert(reaper.GetAudioAccessorSamples(accessor, 44100, 2, 7.0, 1000, buffer) == 0)
        assert(buffer.table(1, 1)[1] == 0.5, 'where nothing plays the buffer stays as it was')
        assert(reaper.GetAudioAccessorSamples(accessor, 44100, 2, 3.0, 1000, buffer) == 1)
        local file = io.open(reaper.GetResourcePath() .. '/read', 'wb')
        for _, value in ipairs(buffer.table(1, 2000)) do file:write(string.pack('<d', value)) end
        file:close()
        reaper.DestroyAudioAccessor(accessor)
        """,
    )
    assert daw.faults == []
    heard = np.fromfile(daw.resources / "read").reshape(-1, 2)
    recorded, rate = soundfile.read(song)
    assert np.array_equal(heard, recorded[4 * rate :][:1000])


def test_two_readers_read_what_it_saves(daw, song):
    daw.project.set_tempo((0.0, 120.0, 4, 4), (2.0, 90.5, 3, 4))
    daw.project.content.markers.append((True, 1.0, 3.0, "Strophe", 1))
    daw.project.ext["punchin", "key"] = "C minor"
    text = daw.save()
    (item,) = reaper_parser.parse(text).project.tracks[0].items
    assert (item.position, item.length, item.takes[0].source.file_path) == (1.0, 4.0, str(song))
    second = rpp.loads(text)
    assert second.find("TRACK").find("NAME")[1] == "Gitarre"
    assert second.find(".//ITEM").find("SOFFS")[1] == "2"
    assert second.find("SAMPLERATE")[1] == "48000"
