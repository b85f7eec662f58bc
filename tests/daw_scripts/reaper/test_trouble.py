"""What users do: select nothing, move things while they wait, delete them, switch projects, warp their audio."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lupa import lua54
from reaper.model import Item, Project, Source, Take
from rig import PlainClient
from scripts import SCRIPTS

RATE = 44100


@pytest.fixture
def track(daw):
    return daw.project.add_track("Gitarre")


@pytest.fixture
def item(daw, track, song):
    added = daw.project.add_item(track, song, 4.0, 6.0)
    daw.project.select(added)
    daw.project.time_selection = (6.0, 7.0)
    return added


def act(daw, name, answers=()):
    daw.answers.append(
        {"Prompt": "house", "Engine (auto/draft/acestep)": "draft", "Seed (-1: random)": "5"} | dict(answers)
    )
    daw.start(daw.actions_folder / f"punchin_{name}.lua")


def placed(daw, count=1):
    daw.until(lambda: len(daw.project.undo) >= count)


def in_order(track):
    return sorted(track.items, key=lambda item: item.start)


def test_one_sentence_where_nothing_is_selected(daw, track):
    for name in ("repaint", "cover", "extract", "lego", "complete", "continue_after", "continue_before", "more_takes"):
        daw.start(daw.actions_folder / f"punchin_{name}.lua")
    assert set(daw.messages) == {"Select an audio item first, or a track with audio under the time selection."}
    assert len(daw.messages) == 8
    daw.start(daw.actions_folder / "punchin_generate.lua")
    assert daw.messages[-1] == "Make a time selection first: it says how long the music is to be."
    assert daw.scripts == []


def test_one_sentence_where_there_is_no_audio(daw, track):
    midi = Item(takes=[Take(Source("", "MIDI"))])
    midi.values.update(D_POSITION=1.0, D_LENGTH=2.0)
    track.items += [midi, Item()]
    daw.project.select(*track.items)
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    assert daw.messages == ["There is no audio in what is selected: MIDI and empty items have to be rendered first."]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"Takes (1-8)": "9"}, "Takes (1-8): a number from 1 to 8, 9 came."),
        ({"Takes (1-8)": "1.5"}, "Takes (1-8): a whole number, 1.5 came."),
        ({"Strength (0-1)": "much"}, "Strength (0-1): a number from 0 to 1, much came."),
    ],
)
def test_one_sentence_where_an_answer_is_wrong(daw, item, answer, sentence):
    act(daw, "repaint", answer)
    assert daw.messages == [sentence]
    assert daw.scripts == []


def test_cancelling_the_dialog_sends_nothing(daw, item):
    daw.answers.append(None)
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    assert (daw.messages, daw.scripts, daw.GetExtState("punchin", "asked")) == ([], [], "")


@pytest.mark.parametrize("version", ["6.83", "7.02"])
def test_an_old_reaper_is_refused(daws, version):
    daw = daws(version=version)
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    assert daw.messages == [f"punchin needs REAPER 7.03 or newer, this is {version}/linux-x86_64."]


def test_a_button_is_lit_while_something_is_rendered(daw, item):
    background = str(daw.actions_folder / "punchin_background.lua")
    act(daw, "repaint")
    daw.until(lambda: daw.options[background] & 4)
    placed(daw)
    daw.until(lambda: daw.options[background] & 8)


@pytest.mark.parametrize(
    ("system", "version"),
    [
        ("Win64", "7.03"),
        ("Win64", "7.79"),
        ("OSX64", "7.17"),
        ("macOS-arm64", "7.18"),
        ("Other", "7.03"),
        ("Other", "7.60"),
    ],
)
def test_every_system_and_version(daws, daemon, song, system, version):
    """Exports, takes and new tracks, with the paths and the functions that each has."""
    daw = daws(system=system, version=version)
    config = daw.actions_folder / "punchin" / "config.lua"
    config.write_text(f"return {{ state = [[{daw.shown(daemon.state)}]] }}\n", "utf-8")
    track = daw.project.add_track("Gitarre")
    item = daw.project.add_item(track, song, 4.0, 6.0)
    item.take.envelopes = 1
    daw.project.select(item)
    daw.project.time_selection = (6.0, 7.0)
    act(daw, "repaint")
    placed(daw)
    assert [len(found.takes) for found in in_order(track)] == [1, 2, 1]
    daw.project.select(in_order(track)[1])
    act(daw, "lego")
    placed(daw, 2)
    assert [[found.frames(RATE) for found in one.items] for one in daw.project.content.tracks[1:]] == [
        [(6 * RATE, RATE)]
    ]


def test_what_the_daemon_refuses_is_told(daw, item):
    act(daw, "repaint", {"Key (as in C minor)": "H-Dur"})
    daw.until(lambda: daw.console)
    assert daw.console[0].startswith("punchin: key:")
    assert daw.project.undo == []


def test_the_answers_of_the_last_time_are_offered_again(daw, item):
    act(daw, "repaint", {"Prompt": 'jazz, with "brushes"', "Key (as in C minor)": "C minor"})
    act(daw, "cover")
    _, offered = daw.dialogs[-1]
    assert offered["Key (as in C minor)"] == "C minor"
    act(daw, "repaint", {"Prompt": "don't (stop 12\" [now]"})
    _, offered = daw.dialogs[-1]
    assert offered["Prompt"] == 'jazz, with "brushes"'
    daw.answers.append(None)
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    _, offered = daw.dialogs[-1]
    assert offered["Prompt"] == "don't stop 12 [now]"
    placed(daw, 3)


def test_a_preset_is_named_before_the_words(daw):
    daw.project.time_selection = (0.0, 2.0)
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: daw.GetExtState("punchin", "presets"))
    act(daw, "generate", {"Prompt": "lofi-loop: more drums"})
    act(daw, "generate", {"Prompt": "Chorus: more drums"})
    placed(daw, 2)
    names = {item.take.texts["P_NAME"] for item in daw.project.items()}
    assert names == {"more drums (seed 5)", "Chorus: more drums (seed 5)"}


def test_a_preset_is_chosen_and_what_was_left_as_it_is_gives_way(daw, track, item):
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: daw.GetExtState("punchin", "presets"))
    field = "Preset (?: list them)"
    act(daw, "repaint", {field: "?"})
    assert "three-takes, " in daw.messages[0]
    assert daw.messages[0].endswith("; ? came.")
    act(daw, "repaint", {field: "three-t"})
    placed(daw)
    assert len(in_order(track)[1].takes) == 4


def test_a_region_named_with_words_offers_its_own_prompt(daw, item):
    markers = [(True, 0.0, 60.0, "Lied", 1), (True, 5.0, 8.0, "Strophe, leise", 2), (True, 6.2, 6.8, "A1", 3)]
    daw.project.content.markers += [*markers, (False, 6.5, 6.5, "marker", 4)]
    item.texts["P_NOTES"] = "la la"
    daw.answers += [{}, None, None]
    daw.answers[0] = {"Prompt": "brushes, soft", "Engine (auto/draft/acestep)": "draft"}
    for selection in [(6.0, 7.0), (6.0, 7.0), (8.0, 9.0)]:
        daw.project.time_selection = selection
        daw.start(daw.actions_folder / "punchin_repaint.lua")
    assert [offered["Prompt"] for _, offered in daw.dialogs] == ["Strophe, leise", "brushes, soft", "Lied"]
    assert [offered["Lyrics (notes: of the item)"] for _, offered in daw.dialogs] == ["notes"] * 3


@pytest.mark.parametrize(
    "change",
    [
        "moved",
        "split",
        "split and moved",
        "trimmed",
        "trimmed and moved",
        "item deleted",
        "another there",
        "track deleted",
    ],
)
def test_a_late_result_finds_its_place(daw, track, item, song, change):
    act(daw, "repaint")
    daw.until(lambda: daw.GetExtState("punchin", "open") == "1")
    if change == "moved":
        item.values["D_POSITION"] = 14.0
    elif change.startswith("trimmed"):
        item.values.update(D_POSITION=15.0 if "moved" in change else 5.0, D_LENGTH=5.0)
        item.take.values["D_STARTOFFS"] += 1.0
    elif change.startswith("split"):
        daw.Undo_BeginBlock2(0)
        right = daw.SplitMediaItem(item, 5.5)
        daw.Undo_EndBlock2(0, "split by hand", -1)
        daw.project.undo.clear()
        for part in (item, right) if "moved" in change else ():
            part.values["D_POSITION"] += 10.0
    elif change in {"item deleted", "another there"}:
        track.items.clear()
        if change == "another there":
            daw.project.add_item(track, song, 3.0, 8.0)
    else:
        daw.project.content.tracks.clear()
    placed(daw)
    with_take = [found for found in daw.project.items() if found.take.texts["P_NAME"] == "house (seed 5)"]
    (new,) = with_take
    assert new.frames(RATE) == ((16 if "moved" in change else 6) * RATE, RATE)
    is_gone = "deleted" in change or change == "another there"
    if not is_gone:
        assert new.takes[0].values["D_STARTOFFS"] == pytest.approx(2.0, abs=1e-9), "over the same music"
    if is_gone:
        assert daw.project.track_of(new) is daw.project.content.tracks[-1]
        assert daw.console == ["punchin: What the repaint was meant for is gone: it is on a new track at the end.\n"]
    else:
        assert (len(new.takes), daw.console) == (2, [])


@pytest.mark.parametrize("name", ["repaint", "continue_after", "lego"])
def test_a_late_result_follows_its_item_to_another_track(daw, track, item, name):
    other = daw.project.add_track("Zweite")
    daw.project.time_selection = (6.0, 7.0) if name != "continue_after" else (6.0, 11.0)
    act(daw, name)
    daw.until(lambda: daw.GetExtState("punchin", "open") == "1")
    track.items.remove(item)
    other.items.append(item)
    item.values["D_POSITION"] = 14.0
    placed(daw)
    assert (track.items, daw.console) == ([], [])
    last = daw.project.content.tracks[-1]
    starts = [found.frames(RATE)[0] for found in in_order(last)]
    handles = round(0.05 * RATE)
    assert (
        starts
        == {
            "repaint": [14 * RATE, 16 * RATE, 17 * RATE],
            "continue_after": [14 * RATE, 20 * RATE - handles],
            "lego": [16 * RATE],
        }[name]
    )
    assert last is (other if name != "lego" else daw.project.content.tracks[2])


def test_a_result_waits_until_its_project_is_in_front_again(daw, item):
    act(daw, "repaint")
    daw.until(lambda: daw.GetExtState("punchin", "progress"))
    song, other = daw.project, Project("", daw.project.media)
    daw.projects.append(other)
    daw.project = other
    daw.until(lambda: daw.GetExtState("punchin", "open") == "0")
    for _ in range(10):
        daw.tick()
    assert (song.undo, other.undo) == ([], [])
    daw.project = song
    placed(daw)
    assert len(song.items()) == 3


@pytest.mark.parametrize("change", [{"D_PLAYRATE": 1.5}, {"I_CHANMODE": 3.0}, {"D_STARTOFFS": -0.5}])
def test_a_take_that_is_not_its_file_is_exported_as_it_sounds(daw, track, item, change):
    item.take.values.update(change)
    if "I_CHANMODE" in change:
        item.values["D_VOL"] = 0.5
    act(daw, "repaint")
    placed(daw)
    (heard,) = Path(daw.project.media, "punchin").glob("heard*.wav")
    info = soundfile.info(heard)
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "FLOAT")
    assert info.frames == 10 * RATE
    middle = in_order(track)[1]
    assert middle.frames(RATE) == (6 * RATE, RATE)
    assert middle.take.values["D_VOL"] == (2.0 if "I_CHANMODE" in change else 1.0)
    clip, _ = soundfile.read(middle.take.source.path)
    exported, _ = soundfile.read(heard)
    assert np.abs(clip[0] - exported[6 * RATE]).max() < 1e-6


@pytest.mark.parametrize("name", ["", "../..", 'Git/arre: "laut" ' + "ü" * 80, "ends in a dot."])
def test_a_track_of_any_name_is_exported(daw, track, item, name):
    track.texts["P_NAME"] = name
    item.take.envelopes = 1
    act(daw, "repaint")
    placed(daw)
    assert len(track.items) == 3


def test_an_export_is_the_recording_sample_for_sample(daw, track, item, song):
    item.take.envelopes = 1
    act(daw, "repaint")
    placed(daw)
    (heard,) = Path(daw.project.media, "punchin").glob("heard*.wav")
    exported, _ = soundfile.read(heard, dtype="float32")
    recorded, _ = soundfile.read(song, dtype="float32")
    assert not exported[: 4 * RATE].any()
    inside = slice(int(0.02 * RATE), 6 * RATE - int(0.02 * RATE))  # without the item's own fades
    assert np.array_equal(exported[4 * RATE :][inside], recorded[: 6 * RATE][inside])


def test_beside_a_cut_the_neighbours_are_heard_too(daw, track, item):
    act(daw, "repaint")
    placed(daw)
    middle = in_order(track)[1]
    daw.project.select(middle)
    act(daw, "repaint", {"Seed (-1: random)": "6"})
    placed(daw, 2)
    assert list(Path(daw.project.media, "punchin").glob("heard*.wav"))
    assert [len(found.takes) for found in in_order(track)] == [1, 3, 1]
    assert middle.take.texts["P_NAME"] == "house (seed 6)"


def test_several_items_are_one_job_each(daw, track, item, song):
    other = daw.project.add_item(daw.project.add_track("Bass"), song, 5.0, 4.0)
    daw.project.select(item, other)
    act(daw, "repaint")
    before = daw.save()
    placed(daw)
    for found in daw.project.content.tracks:
        assert [one.frames(RATE)[0] for one in in_order(found)][1:] == [6 * RATE, 7 * RATE]
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


def test_where_one_of_several_cannot_be_rendered_the_others_come(daw, track, item, song, tmp_path):
    lost = tmp_path / "lost.wav"
    lost.write_bytes(song.read_bytes())
    other = daw.project.add_item(daw.project.add_track("Bass"), lost, 5.0, 4.0)
    daw.project.select(item, other)
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: daw.GetExtState("punchin", "presets"))
    act(daw, "repaint")
    lost.write_bytes(b"no audio")
    placed(daw)
    assert [len(found.items) for found in daw.project.content.tracks] == [3, 1]
    assert len(daw.console) == 1


def test_several_refusals_of_one_kind_are_one_sentence(daw, track, item, song):
    daw.project.select(item, daw.project.add_item(daw.project.add_track("Bass"), song, 5.0, 4.0))
    act(daw, "repaint", {"Key (as in C minor)": "H-Dur"})
    daw.until(lambda: daw.console and daw.GetExtState("punchin", "open") == "0")
    assert len(daw.console) == 1


def test_a_selected_track_means_its_items_under_the_time_selection(daw, track, item, song):
    daw.project.add_item(track, song, 20.0, 4.0)
    daw.project.select()
    daw.project.select_tracks(track)
    act(daw, "repaint")
    placed(daw)
    assert [found.start for found in in_order(track)] == [4.0, 6.0, 7.0, 20.0]


def test_a_pad_runs_an_action_without_a_dialog(daw, track, item, daemon):
    daw.start(daw.actions_folder / "punchin_background.lua")
    daw.until(lambda: daw.GetExtState("punchin", "presets"))
    pad = PlainClient(daemon.port)
    pad.send("/punchin/trigger", "t-1", "action", "repaint", "prompt", "dub", "engine", "draft", "seed", 9)
    placed(daw)
    pad.close()
    assert daw.dialogs == []
    assert in_order(track)[1].take.texts["P_NAME"] == "dub (seed 9)"


def test_a_clip_that_cannot_be_placed_leaves_the_project_as_it_was(daw, item, monkeypatch):
    act(daw, "repaint")
    before = daw.save()
    monkeypatch.setattr(daw, "PCM_Source_CreateFromFile", lambda path: None, raising=False)
    daw.until(lambda: daw.console)
    assert "could not be placed" in daw.console[0]
    assert daw.save() == before


def newest_spec(daemon):
    database = sqlite3.connect(f"file:{daemon.state / 'jobs.sqlite'}?mode=ro", uri=True)
    (spec,) = database.execute("select spec from jobs order by sequence desc limit 1").fetchone()
    database.close()
    return json.loads(spec)


@pytest.mark.parametrize("glides", [False, True])
def test_the_beats_of_the_project_are_those_of_the_request(daw, item, daemon, glides):
    daw.project.set_tempo((0.0, 120.0, 4, 4), (5.25, 140.0, 7, 8, glides), (8.5, 93.7, 3, 4), (9.0, 60.0, 4, 4))
    act(daw, "repaint")
    placed(daw)
    spec = newest_spec(daemon)
    assert (spec["bpm"], spec["meter"]) == (120.0, "4/4")
    changes = spec["tempo_map"]
    assert changes[0] == [0.0, 120.0, 4, 4]
    assert [change[2:] for change in changes if change[0] == 1.25] == [[7, 8]]
    ends = [change[0] for change in changes[1:]] + [6.0]
    quarters = sum((end - start) * bpm / 60 for (start, bpm, *_), end in zip(changes, ends, strict=True))
    assert quarters == pytest.approx(daw.TimeMap2_timeToQN(0, 10.0) - daw.TimeMap2_timeToQN(0, 4.0), abs=1e-6)
    assert len(changes) == (7 if glides else 4)


def test_the_notes_of_each_item_are_its_lyrics(daw, track, item, daemon):
    item.texts["P_NOTES"] = "# Tempo: 120\r\n[Verse]\r\nÜber den Wolken"
    act(daw, "repaint")
    placed(daw)
    assert newest_spec(daemon)["lyrics"] == "[Verse]\nÜber den Wolken"


def test_a_take_deleted_while_its_peaks_are_built_is_no_trouble(daw, track, item):
    act(daw, "repaint")
    placed(daw)
    track.items.clear()
    for _ in range(10):
        daw.tick()
    assert [script.path for script in daw.scripts] == [str(daw.actions_folder / "punchin_background.lua")]


def test_an_unsaved_project_is_no_trouble(daw, item):
    daw.project.path = ""
    act(daw, "repaint")
    placed(daw)
    assert len(daw.project.items()) == 3


def test_actions_started_in_one_second_have_names_of_their_own():
    """Lua seeds its random numbers by the second and an address, and every script has a Lua of its own."""

    def name(clock):
        lua = lua54.LuaRuntime()
        lua.execute(
            f"package.path = [[{SCRIPTS}/?.lua]]; math.randomseed(1, 1); os.time = function() return 1800000000 end"
        )
        lua.globals().reaper = lua.table(time_precise=lambda: clock)
        return lua.eval('require("punchin.action").new_id()')

    assert name(5.000001) != name(5.000002)
