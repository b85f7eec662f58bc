"""What the user may choose: lanes in place of cuts, what is heard, and MIDI beside stems; and what is cleared away after."""

import os
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

RATE = 44100


@pytest.fixture
def track(daw):
    return daw.project.add_track("Gitarre")


@pytest.fixture
def item(daw, track, song):
    added = daw.project.add_item(track, song, 4.0, 6.0, offset=0.5)
    daw.project.select(added)
    daw.project.time_selection = (6.0, 7.0)
    return added


def act(daw, name, **answers):
    given = {"Engine (auto/draft/acestep)": "draft"} | ({} if name == "extract" else {"Seed (-1: random)": "5"})
    daw.answers.append(given | {caption.replace("_", " "): answer for caption, answer in answers.items()})
    daw.start(daw.actions_folder / f"punchin_{name}.lua")
    assert daw.messages == []


def placed(daw, count=1):
    daw.until(lambda: len(daw.project.undo) >= count)
    daw.until(lambda: daw.GetExtState("punchin", "open") == "0")
    assert daw.faults == []


def exported(daw):
    return sorted(Path(daw.project.media, "punchin").glob("heard*.wav"))


def on_lane(track, lane):
    return sorted((item for item in track.items if item.values["I_FIXEDLANE"] == lane), key=lambda item: item.start)


def test_a_part_goes_to_a_lane_and_the_item_stays_whole(daw, track, item, song):
    daw.SetExtState("punchin", "parts", "lane", True)
    neighbour = daw.project.add_item(track, song, 12.0, 4.0)
    second = daw.project.add_item(track, song, 19.0, 5.0)
    daw.project.select(item, second)
    daw.project.time_selection = (6.0, 22.0)
    act(daw, "repaint", Prompt="house")
    before = daw.save()
    placed(daw)
    assert (track.values["I_FREEMODE"], track.values["I_NUMFIXEDLANES"]) == (2, 2)
    assert on_lane(track, 0) == [item, neighbour, second]
    assert (item.frames(RATE), len(item.takes)) == ((4 * RATE, 6 * RATE), 1)
    copies = on_lane(track, 1)
    assert [copy.frames(RATE)[0] // RATE for copy in copies] == [4, 6, 12, 19, 22]
    assert [len(copy.takes) for copy in copies] == [1, 2, 1, 2, 1]
    assert copies[1].takes[0].values["D_STARTOFFS"] == pytest.approx(2.5, abs=1e-9)
    assert not any(copy.values["B_UISEL"] for copy in copies)
    assert [track.values[f"C_LANEPLAYS:{lane}"] for lane in (0, 1)] == [0, 1]
    after = daw.save()
    assert after.count("LANE 1") == 5
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


def test_a_second_part_gets_a_third_lane_and_a_whole_item_a_take(daw, track, item):
    daw.SetExtState("punchin", "parts", "lane", True)
    act(daw, "repaint", Prompt="house")
    placed(daw)
    act(daw, "repaint", Prompt="house")
    placed(daw, 2)
    assert [len(on_lane(track, lane)) for lane in range(3)] == [1, 3, 3]
    daw.project.time_selection = (0.0, 0.0)
    act(daw, "cover", Prompt="house")
    placed(daw, 3)
    assert (len(track.items), len(item.takes)) == (7, 2)


@pytest.mark.parametrize("hear", ["track", "mix"])
def test_what_is_behind_the_effects_is_rendered_and_the_settings_stay(daw, track, item, song, hear):
    track.effect = 0.5
    bass = daw.project.add_track("Bass")
    daw.project.add_item(bass, song, 6.0, 2.0)
    daw.project.select_tracks(bass)
    kept = dict(daw.project.values), dict(daw.project.texts)
    act(daw, "lego", Instrument="bass", **{"Hear (item/track/mix)": hear})
    (heard,) = exported(daw)
    samples, rate = soundfile.read(heard)
    recorded, _ = soundfile.read(song)
    expected = 0.5 * recorded[round(2.5 * RATE) :][:RATE]
    if hear == "mix":
        faded_in = np.minimum(np.arange(RATE) / round(0.01 * RATE), 1)[:, None]
        expected += recorded[:RATE] * faded_in
    assert (rate, len(samples)) == (RATE, RATE)
    assert np.abs(samples - expected).max() < 1e-6
    assert (dict(daw.project.values), dict(daw.project.texts)) == kept
    assert [found.values["I_SELECTED"] for found in (track, bass)] == [0, 1]
    placed(daw)
    assert [found.name for found in daw.project.content.tracks] == ["Gitarre", "bass", "Bass"]
    assert exported(daw) == [heard], "more takes hear it again"


def test_a_render_that_fails_is_refused_and_the_settings_stay(daw, track, item, monkeypatch):
    monkeypatch.setattr("reaper.system_calls.render", lambda project: None)
    kept = dict(daw.project.values), dict(daw.project.texts)
    daw.answers.append({"Hear (item/track/mix)": "mix"})
    daw.start(daw.actions_folder / "punchin_lego.lua")
    assert daw.messages == ["REAPER has not rendered what is to be heard: see its render window for the reason."]
    assert (dict(daw.project.values), dict(daw.project.texts)) == kept
    assert daw.scripts == []


def test_exports_go_once_nobody_needs_them(daw, track, item):
    item.take.values["D_PLAYRATE"] = 1.25
    act(daw, "extract", Stems="drums")
    assert len(exported(daw)) == 1
    placed(daw)
    assert exported(daw) == []
    daw.answers.append({"Key (as in C minor)": "H-Dur"})
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    assert len(exported(daw)) == 1
    daw.until(lambda: daw.console)
    assert exported(daw) == []
    act(daw, "repaint", Prompt="house", **{"Key (as in C minor)": ""})
    placed(daw, 2)
    (needed,) = exported(daw)
    old = needed.with_name(needed.name.replace(needed.name.split()[2], "2024-01-31"))
    foreign = needed.with_name("heard 1-1 2024-01-31 10-00-00 00000000.wav")
    fresh = needed.with_name(needed.name.replace(".wav", "0.wav"))
    named = needed.with_name(old.name.replace("2024-01", "2023-01"))
    for path in (old, foreign, fresh):
        path.write_bytes(needed.read_bytes())
    needed.rename(named)
    for found in daw.project.items():
        for take in found.takes:
            extra = take.texts.get("P_EXT:punchin", "")
            take.texts["P_EXT:punchin"] = extra.replace(needed.name, named.name)
    (background,) = daw.scripts
    background.end()
    daw.start(daw.actions_folder / "punchin_background.lua")
    assert {path.name for path in exported(daw)} == {foreign.name, fresh.name, named.name}


PLACE = """
package.path = [[{folder}/?.lua]]
local placing = require("punchin.placing")
placing.put({{ {{
  place = {{ job = "j", verb = "extract", how = "spread", prompt = "", folder = "stems", part = "stem", mute = "0",
    track = reaper.GetTrackGUID(reaper.GetTrack(0, 0)), item = "", zero = 4.0 }},
  clips = {{
    {{ path = [[{bass}]], take = 1, track = "bass", start = 0.5, frames = 88200, sample_rate = 44100, seed = 0,
      midi = [[{midi}]] }},
    {{ path = [[{drums}]], take = 1, track = "drums", start = 0.5, frames = 88200, sample_rate = 44100, seed = 0 }},
  }},
}} }})
"""


def test_midi_of_stems_keeps_its_seconds_beside_them(daw, track, tmp_path):
    daw.project.set_tempo((0.0, 120.0, 4, 4), (5.0, 77.0, 3, 4))
    bass, drums = tmp_path / "bass.wav", tmp_path / "drums.wav"
    for path in (bass, drums):
        soundfile.write(path, np.zeros((2 * RATE, 2)), RATE)
    score = mido.MidiFile(ticks_per_beat=480)
    score.tracks += [mido.MidiTrack(), mido.MidiTrack()]
    score.tracks[0] += [mido.MetaMessage("set_tempo", tempo=500_000), mido.MetaMessage("track_name", name="Bässe")]
    score.tracks[0] += [mido.MetaMessage("set_tempo", tempo=1_000_000, time=960)]
    score.tracks[1] += [
        mido.Message("program_change", program=32, channel=3),
        mido.Message("note_on", note=40, velocity=100, channel=3),
        mido.Message("note_on", note=40, velocity=90, channel=3, time=480),
        mido.Message("note_off", note=40, channel=3, time=480),
        mido.Message("sysex", data=[1, 2, 3]),
        mido.Message("note_on", note=43, velocity=80, channel=3, time=240),
        mido.Message("note_on", note=43, velocity=0, channel=3, time=960),
    ]
    midi = tmp_path / "Bässe.mid"
    score.save(midi)
    script = daw.actions_folder / "put.lua"
    script.write_text(PLACE.format(folder=daw.actions_folder, bass=bass, drums=drums, midi=midi), "utf-8")
    daw.start(script)
    assert daw.faults == []
    tracks = daw.project.content.tracks
    assert [found.name for found in tracks] == ["Gitarre", "Gitarre stems", "bass", "bass MIDI", "drums"]
    assert [found.values["I_FOLDERDEPTH"] for found in tracks] == [0, 1, 0, 0, -1]
    assert tracks[3].values["I_CUSTOMCOLOR"] == tracks[2].values["I_CUSTOMCOLOR"] > 0
    (notes,) = tracks[3].items
    assert notes.frames(RATE) == (round(4.5 * RATE), 2 * RATE)
    first = daw.TimeMap2_timeToQN(0, 4.5)
    heard = [
        (*(daw.TimeMap2_QNToTime(0, first + tick / 960) - 4.5 for tick in (start, end)), *rest)
        for start, end, *rest in notes.take.source.notes
    ]
    expected = [(0.0, 0.5, 3, 40, 100), (0.5, 1.0, 3, 40, 90), (1.5, 2.0, 3, 43, 80)]
    assert [note[2:] for note in heard] == [note[2:] for note in expected]
    assert np.abs(np.array(heard) - np.array(expected)).max() < 1e-6
    assert daw.save().count(" 2b 00") == 1
    assert os.fspath(midi) not in daw.save()
    assert len(daw.project.undo) == 1
