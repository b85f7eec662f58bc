"""Every action end to end: a real daemon, the draft engine, real music; items on the right frames, one undo an action."""

import re

import numpy as np
import pytest
import reaper_parser
import soundfile
from rig import PlainClient

SECONDS = 2.5


def act(daw, name, **answer):
    """Click an action; keywords are the beginnings of captions."""
    captions = {"Prompt": "house, piano", "Seed (-1: random)": "7", "Engine (auto/draft/acestep)": "draft"}
    asks = {"extract": ["Engine"], "understand": ["Engine"], "more_takes": []}.get(name, ["Prompt", "Seed", "Engine"])
    given = {caption: value for caption, value in captions.items() if caption.split()[0] in asks}
    daw.answers.append(given | {caption.replace("_", " "): value for caption, value in answer.items()})
    daw.start(daw.actions_folder / f"punchin_{name}.lua")
    assert daw.faults == []


def placed(daw, count=1):
    daw.until(lambda: len(daw.project.undo) >= count)
    assert daw.faults == []


def undone(daw, before):
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


@pytest.fixture(params=[44100, 48000, 96000])
def daw(request, daws):
    running = daws(rate=request.param)
    running.project.set_tempo((0.0, 124.0, 4, 4), (6.0, 91.3, 3, 4))
    return running


@pytest.fixture
def track(daw):
    return daw.project.add_track("Gitarre")


@pytest.fixture
def item(daw, track, song):
    added = daw.project.add_item(track, song, 4.0, 5.0, offset=0.25)
    daw.project.select(added)
    return added


def test_generate_fills_the_selection_on_each_selected_track(daw):
    tracks = [daw.project.add_track(name) for name in ("a", "b", "c")]
    daw.project.select_tracks(*tracks[:2])
    daw.project.time_selection = (2.0, 2.0 + SECONDS)
    act(daw, "generate")
    before = daw.save()
    placed(daw)
    for track in tracks[:2]:
        (item,) = track.items
        assert item.frames(daw.rate) == (2 * daw.rate, round(SECONDS * daw.rate))
        assert item.take.values["D_STARTOFFS"] == 0
        assert soundfile.info(item.take.source.path).frames == round(SECONDS * daw.rate)
    assert tracks[2].items == []
    undone(daw, before)


@pytest.mark.parametrize("bring", ["parts", "midi"])
def test_generate_brings_the_parts_of_a_piece_in_place_of_its_mix(daw, track, bring):
    daw.project.select_tracks(track)
    daw.project.time_selection = (2.0, 2.0 + SECONDS)
    act(daw, "generate", **{"Bring (mix/parts/midi)": bring})
    before = daw.save()
    placed(daw)
    chosen, folder, *parts = daw.project.content.tracks
    assert (chosen.items, folder.name, folder.items) == ([], "Gitarre parts", [])
    assert sum(found.values["I_FOLDERDEPTH"] for found in daw.project.content.tracks) == 0
    names = [found.name for found in parts]
    audio = [name for name in names if not name.endswith("MIDI")]
    assert {"drums", "bass", "keyboard"} <= set(audio)
    assert "mix" not in names
    assert set(names) - set(audio) == ({f"{name} MIDI" for name in audio} if bring == "midi" else set())
    for part in parts:
        assert [found.frames(daw.rate) for found in part.items] == [(2 * daw.rate, round(SECONDS * daw.rate))]
    undone(daw, before)


def test_parts_without_a_track_stand_in_a_folder_of_their_own(daw):
    daw.project.time_selection = (2.0, 3.0)
    act(daw, "generate", **{"Bring (mix/parts/midi)": "parts"})
    placed(daw)
    folder, *parts = daw.project.content.tracks
    assert (folder.name, folder.values["I_FOLDERDEPTH"], folder.items) == ("punchin: generate", 1, [])
    assert parts
    assert all(len(part.items) == 1 for part in parts)


def test_generate_without_a_track_makes_one_and_where_something_plays_another(daw):
    daw.project.time_selection = (2.0, 3.0)
    act(daw, "generate")
    placed(daw)
    (track,) = daw.project.content.tracks
    daw.project.select_tracks(track)
    before = daw.save()
    daw.answers.append({})
    daw.start(daw.actions_folder / "punchin_generate.lua")
    placed(daw, 2)
    assert [len(track.items) for track in daw.project.content.tracks] == [1, 1]
    undone(daw, before)


@pytest.mark.parametrize("by_bars", [False, True])
def test_continue_after_joins_with_a_cross_fade_of_the_same_audio(daw, track, item, song, by_bars):
    if not by_bars:
        daw.project.time_selection = (8.0, 11.0)
    act(daw, "continue_after", **({"Bars": "1"} if by_bars else {}))
    before = daw.save()
    placed(daw)
    rate, handles = daw.rate, round(0.05 * daw.rate)
    new = next(found for found in track.items if found is not item)
    stop = 9.0 + 3 * 60 / 91.3 if by_bars else 11.0
    assert new.frames(rate) == (9 * rate - handles, round(stop * rate) - 9 * rate + handles)
    fades = (item.values["D_FADEOUTLEN"], new.values["D_FADEINLEN"])
    assert [round(fade * rate) for fade in fades] == [handles, handles]
    if rate == 44100:
        clip, _ = soundfile.read(new.take.source.path, frames=handles)
        recorded, _ = soundfile.read(song, start=round(5.25 * rate) - handles, frames=handles)
        assert np.array_equal(clip, recorded)
    undone(daw, before)


def test_continue_before_ends_where_the_item_begins(daw, track, item):
    daw.project.time_selection = (2.5, 5.0)
    act(daw, "continue_before")
    before = daw.save()
    placed(daw)
    handles = round(0.05 * daw.rate)
    new = next(found for found in track.items if found is not item)
    assert new.frames(daw.rate) == (round(2.5 * daw.rate), round(1.5 * daw.rate) + handles)
    assert round(new.values["D_FADEOUTLEN"] * daw.rate) == handles
    assert round(new.take.values["D_STARTOFFS"] * daw.rate) == handles
    undone(daw, before)


def test_stems_of_two_items_share_tracks_in_one_folder(daw, track, item, song):
    second = daw.project.add_item(track, song, 20.0, 4.0)
    behind = daw.project.add_track("Bass")
    daw.project.select(item, second)
    act(daw, "extract", Stems="drums,bass,residual", **{"Mute the source (0/1)": "1"})
    before = daw.save()
    placed(daw)
    names = [found.name for found in daw.project.content.tracks]
    assert names == ["Gitarre", "Gitarre stems", "drums", "bass", "residual", "Bass"]
    depths = [found.values["I_FOLDERDEPTH"] for found in daw.project.content.tracks]
    assert depths == [0, 1, 0, 0, -1, 0]
    assert behind is daw.project.content.tracks[-1]
    for stem in daw.project.content.tracks[2:5]:
        assert stem.values["I_CUSTOMCOLOR"] > 0
        places = sorted(found.frames(daw.rate) for found in stem.items)
        assert places == [(4 * daw.rate, 5 * daw.rate), (20 * daw.rate, 4 * daw.rate)]
    assert (item.values["B_MUTE"], second.values["B_MUTE"]) == (1, 1)
    if daw.rate == 44100:
        stems = [next(i for i in t.items if i.start == 20.0).take.source.path for t in daw.project.content.tracks[2:5]]
        sum_of_stems = sum(soundfile.read(path)[0] for path in stems)
        recorded, _ = soundfile.read(song, frames=4 * 44100)
        assert 20 * np.log10(np.abs(sum_of_stems - recorded).max() + 1e-12) < -90
    read = reaper_parser.parse(daw.save()).project
    assert [found.name for found in read.tracks] == names
    undone(daw, before)


def test_what_the_drums_play_lies_beside_their_stem(daw, track, item):
    act(daw, "extract", Stems="drums,residual", **{"MIDI too (0/1)": "1"})
    before = daw.save()
    placed(daw)
    items = {found.name: found.items for found in daw.project.content.tracks}
    assert list(items) == ["Gitarre", "Gitarre stems", "drums", "drums MIDI", "residual"]
    (written,) = items["drums MIDI"]
    assert written.frames(daw.rate) == (4 * daw.rate, 5 * daw.rate)
    assert {note[2] for note in written.take.source.notes} == {9}, "drums are on channel 10"
    undone(daw, before)


def test_stems_of_the_last_track_of_a_folder_stay_in_it(daw, song):
    parent = daw.project.add_track("Band", I_FOLDERDEPTH=1.0)
    last = daw.project.add_track("Gitarre", I_FOLDERDEPTH=-1.0)
    daw.project.select(daw.project.add_item(last, song, 0.0, 2.0))
    act(daw, "extract", Stems="drums,bass")
    before = daw.save()
    placed(daw)
    assert daw.project.content.tracks[0] is parent
    assert [found.values["I_FOLDERDEPTH"] for found in daw.project.content.tracks] == [1, 0, 1, 0, -2]
    undone(daw, before)


def test_lego_puts_one_instrument_beside_the_source(daw, track, item):
    daw.project.time_selection = (5.0, 8.0)
    act(daw, "lego", Instrument="bass", **{"MIDI too (0/1)": "1"})
    before = daw.save()
    placed(daw)
    assert [found.name for found in daw.project.content.tracks] == ["Gitarre", "bass", "bass MIDI"]
    for added in daw.project.content.tracks[1:]:
        (new,) = added.items
        assert new.frames(daw.rate) == (5 * daw.rate, 3 * daw.rate)
    undone(daw, before)


def test_complete_puts_an_accompaniment_in_a_folder(daw, track, item):
    act(daw, "complete", Instruments="drums,bass")
    before = daw.save()
    placed(daw)
    names = [found.name for found in daw.project.content.tracks]
    assert names[:2] == ["Gitarre", "Gitarre accompaniment"]
    for part in daw.project.content.tracks[2:]:
        assert [found.frames(daw.rate) for found in part.items] == [(4 * daw.rate, 5 * daw.rate)]
    undone(daw, before)


def test_the_take_that_was_heard_is_kept(daw, daemon, track, item):
    daw.project.time_selection = (5.0, 8.0)
    act(daw, "repaint", **{"Takes (1-8)": "2"})
    placed(daw)
    middle = next(found for found in track.items if found.start == 5.0)
    assert middle.take is middle.takes[1]
    before = daw.save()
    pad = PlainClient(daemon.port)
    for number, action in enumerate(("audition_next", "audition_next", "keep")):
        pad.send("/punchin/trigger", f"t{number}", "action", action)
        pad.listen("/punchin/accepted", "/punchin/rejected")
    pad.close()
    placed(daw, 2)
    assert middle.take is middle.takes[2]
    assert len(middle.takes) == 3
    undone(daw, before)
    daw.start(daw.actions_folder / "punchin_keep.lua")
    assert daw.messages == ["Listen to a take first, with a pad or a control surface: that one is kept."]


def test_cover_is_a_take_and_more_takes_follow_with_the_next_seeds(daw, track, item):
    daw.project.time_selection = (5.0, 8.0)
    act(daw, "cover", **{"Takes (1-8)": "2"})
    placed(daw)
    middle = next(found for found in track.items if found.start == 5.0)
    assert middle.frames(daw.rate) == (5 * daw.rate, 3 * daw.rate)
    assert [take.texts["P_NAME"] for take in middle.takes[1:]] == ["house, piano (seed 7)", "house, piano (seed 8)"]
    daw.project.select(middle)
    daw.project.time_selection = (0.0, 0.0)
    act(daw, "more_takes", **{"Takes (1-8)": "2"})
    before = daw.save()
    placed(daw, 2)
    assert [take.texts["P_NAME"].split("(")[1] for take in middle.takes[1:]] == [
        "seed 7)",
        "seed 8)",
        "seed 9)",
        "seed 10)",
    ]
    assert all(abs(take.values["D_STARTOFFS"]) * daw.rate < 1e-4 for take in middle.takes[1:])
    undone(daw, before)


def test_understand_tells_what_was_measured_and_puts_it_into_the_notes(daw, item):
    daw.replies.append(True)
    act(daw, "understand")
    placed(daw)
    (message,) = daw.messages
    tempo = re.search(r"Tempo: (?:[\d.]+ BPM, )?([\d.]+) BPM measured", message)
    assert 60 < float(tempo[1]) < 200
    loudness = re.search(r"Loudness: (-[\d.]+) LUFS, peak (-?[\d.]+) dB", message)
    assert -40 < float(loudness[1]) < float(loudness[2]) < 1
    assert message.endswith("Keep this in the notes of the item?")
    assert f"# {tempo[0]}\n" in item.texts["P_NOTES"]
    assert all(line.startswith("# ") for line in item.texts["P_NOTES"].splitlines())


def test_cancel_ends_what_is_being_rendered(daw, track, item):
    daw.project.time_selection = (0.0, 120.0)
    act(daw, "generate", Prompt="long")
    daw.until(lambda: daw.GetExtState("punchin", "progress"))
    daw.start(daw.actions_folder / "punchin_cancel.lua")
    daw.until(lambda: daw.GetExtState("punchin", "open") == "0")
    assert daw.project.undo == []
    daw.start(daw.actions_folder / "punchin_cancel.lua")
    assert daw.messages == ["Nothing is being rendered."]
