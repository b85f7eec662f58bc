"""What is heard of an item, and how loud its result plays: loops, stretched and missing files, volumes and pans."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from reaper.accessor import Accessor

RATE = 44100


@pytest.fixture
def track(daw):
    return daw.project.add_track("Gitarre")


@pytest.fixture
def item(daw, track, song):
    added = daw.project.add_item(track, song, 4.0, 6.0, offset=1.0)
    daw.project.select(added)
    daw.project.time_selection = (6.0, 7.0)
    return added


def act(daw, name, **answers):
    given = {"Engine (auto/draft/acestep)": "draft"} | ({} if name == "extract" else {"Seed (-1: random)": "5"})
    daw.answers.append(given | {caption.replace("_", " "): answer for caption, answer in answers.items()})
    daw.start(daw.actions_folder / f"punchin_{name}.lua")


def placed(daw, count=1):
    daw.until(lambda: len(daw.project.undo) >= count)
    assert (daw.messages, daw.console, daw.faults) == ([], [], [])


def exported(daw):
    return sorted(Path(daw.project.media, "punchin").glob("heard*.wav"))


def heard(tracks, start, seconds):
    return sum(Accessor(track).read(RATE, 2, start, round(seconds * RATE)) for track in tracks)


def test_a_loop_is_heard_as_far_as_it_plays(daw, track, song):
    looped = daw.project.add_item(track, song, 0.0, 24.0)
    looped.values["B_LOOPSRC"] = 1.0
    daw.project.select(looped)
    daw.project.time_selection = (7.0, 12.0)
    act(daw, "cover", Prompt="house")
    samples, _ = soundfile.read(exported(daw)[0])
    recorded, _ = soundfile.read(song)
    assert np.abs(samples - np.tile(recorded, (2, 1))[7 * RATE : 12 * RATE]).max() < 1e-6
    placed(daw)
    (middle,) = [found for found in track.items if len(found.takes) > 1]
    assert middle.frames(RATE) == (7 * RATE, 5 * RATE)
    assert soundfile.info(middle.take.source.path).frames == 5 * RATE


def test_a_stretched_item_is_exported_as_it_plays(daw, track, item, song):
    item.take.stretch_markers = [(0.0, 1.0), (2.0, 2.0), (3.0, 5.0), (6.0, 8.0)]
    act(daw, "repaint", Prompt="house")
    (export,) = exported(daw)
    samples, _ = soundfile.read(export)
    recorded, _ = soundfile.read(song)
    assert np.abs(samples[5 * RATE] - recorded[round(1.5 * RATE)]).max() < 1e-6
    assert np.abs(samples[8 * RATE] - recorded[6 * RATE]).max() < 1e-6
    before = daw.save()
    placed(daw)
    middle = next(found for found in track.items if len(found.takes) > 1)
    assert middle.frames(RATE) == (6 * RATE, RATE)
    clip, _ = soundfile.read(middle.take.source.path)
    assert np.abs(clip[0] - samples[6 * RATE]).max() < 1e-6
    assert middle.take.stretch_markers == []
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


@pytest.mark.parametrize("kind", ["MP3", "VORBIS", "VIDEO"])
def test_a_file_that_readers_begin_elsewhere_is_exported(daw, item, kind):
    item.take.source.kind = kind
    act(daw, "repaint", Prompt="house")
    assert len(exported(daw)) == 1
    placed(daw)


def test_a_missing_file_is_named(daw, item, tmp_path):
    item.take.source.path = str(tmp_path / "weg – gone.wav")
    act(daw, "repaint", Prompt="house")
    assert daw.messages == [
        f"The file of an item is missing, so nothing of it can be heard: {tmp_path / 'weg – gone.wav'}"
    ]
    assert daw.scripts == []


def test_a_muted_item_is_heard_from_its_file(daw, track, item, song):
    item.values["B_MUTE"] = 1.0
    daw.project.add_item(track, song, 10.0, 2.0)
    act(daw, "extract", Stems="drums,residual")
    assert exported(daw) == []
    placed(daw)
    stems = [found for found in daw.project.content.tracks if found.name in {"drums", "residual"}]
    recorded, _ = soundfile.read(song)
    assert np.abs(heard(stems, 6.0, 1.0) - recorded[3 * RATE : 4 * RATE]).max() < 1e-4
    item.take.envelopes = 1
    act(daw, "extract", Stems="drums")
    assert daw.messages == ["A muted item that is not its file as it stands cannot be heard: unmute it first."]


def test_a_selection_beside_the_item_is_told_apart_from_no_audio(daw, item):
    daw.project.time_selection = (1.0, 2.0)
    daw.start(daw.actions_folder / "punchin_repaint.lua")
    assert daw.messages == [
        "The time selection lies beside what is selected: move it over that, or remove it to mean all of the item."
    ]


@pytest.fixture(params=["file", "export"])
def quiet(request, item):
    """An item that plays at -6 dB, with a take that is turned around, quieter, and to one side."""
    item.values["D_VOL"] = 0.5
    item.take.values.update(D_VOL=-0.5, D_PAN=0.25)
    item.take.envelopes = int(request.param == "export")
    return item


def test_a_new_take_plays_as_loud_as_the_old_one(daw, track, quiet):
    expected = heard([track], 6.0, 1.0)
    act(daw, "repaint", Prompt="house")
    placed(daw)
    middle = next(found for found in track.items if len(found.takes) > 1)
    if not quiet.take.envelopes:
        assert [middle.take.values[name] for name in ("D_VOL", "D_PAN")] == [-0.5, 0.25]
    now = heard([track], 6.0, 1.0)
    assert np.abs(now[0] - expected[0]).max() < 1e-6, "the seam"
    daw.project.select(middle)
    daw.project.time_selection = (0.0, 0.0)
    volume = middle.take.values["D_VOL"]
    daw.answers.append({})
    daw.start(daw.actions_folder / "punchin_more_takes.lua")
    placed(daw, 2)
    assert middle.take is middle.takes[2]
    assert middle.take.values["D_VOL"] == volume


def test_what_follows_joins_at_the_level_of_its_neighbour(daw, track, quiet):
    daw.project.time_selection = (9.0, 11.0)
    quiet.values["D_FADEOUTLEN"] = 0.0
    expected = heard([track], 9.0, 1.0)
    act(daw, "continue_after", Prompt="house")
    placed(daw)
    after = next(found for found in track.items if found is not quiet)
    handles = round(0.05 * RATE)
    assert after.frames(RATE) == (10 * RATE - handles, RATE + handles)
    assert np.abs(heard([track], 9.0, 1.0) - expected).max() < 1e-3, "both sides of the cross-fade are the same audio"


@pytest.mark.parametrize("side", ["after", "before"])
def test_where_something_plays_behind_the_seam_it_stands_on_a_track_beside(daw, track, item, song, side):
    daw.project.add_item(track, song, 10.0 if side == "after" else 2.0, 2.0)
    daw.project.time_selection = (9.0, 11.0) if side == "after" else (3.0, 5.0)
    act(daw, f"continue_{side}", Prompt="house")
    before = daw.save()
    placed(daw)
    assert [found.name for found in daw.project.content.tracks] == ["Gitarre", "punchin: continue"]
    (new,) = daw.project.content.tracks[1].items
    handles = round(0.05 * RATE)
    assert new.frames(RATE) == ((10 * RATE - handles if side == "after" else 3 * RATE), RATE + handles)
    assert round(item.values["D_FADEOUTLEN" if side == "after" else "D_FADEINLEN"] * RATE) == handles
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


def test_stems_add_up_to_what_played(daw, track, quiet):
    expected = heard([track], 6.0, 1.0)
    act(daw, "extract", Stems="drums,bass,residual")
    placed(daw)
    stems = daw.project.content.tracks[2:]
    assert [found.name for found in stems] == ["drums", "bass", "residual"]
    assert 20 * np.log10(np.abs(heard(stems, 6.0, 1.0) - expected).max()) < -90


def test_the_same_stems_again_are_takes_and_another_stretch_shares_their_tracks(daw, track, item, song):
    act(daw, "extract", Stems="drums,bass")
    placed(daw)
    tracks = [found.name for found in daw.project.content.tracks]
    act(daw, "extract", Stems="drums,bass")
    placed(daw, 2)
    assert [found.name for found in daw.project.content.tracks] == tracks
    assert [[len(one.takes) for one in found.items] for found in daw.project.content.tracks[2:]] == [[2], [2]]
    daw.project.time_selection = (6.5, 8.0)
    act(daw, "extract", Stems="drums")
    before = daw.save()
    placed(daw, 3)
    names = [found.name for found in daw.project.content.tracks]
    assert names == ["Gitarre", "Gitarre stems", "drums", "drums", "bass"], "beside what overlaps"
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


def test_a_new_instrument_for_several_items_is_one_track(daw, track, item, song):
    second = daw.project.add_item(track, song, 20.0, 2.0)
    daw.project.select(item, second)
    daw.project.time_selection = (0.0, 0.0)
    act(daw, "lego", Instrument="bass")
    placed(daw)
    assert [found.name for found in daw.project.content.tracks] == ["Gitarre", "bass"]
    assert sorted(found.frames(RATE) for found in daw.project.content.tracks[1].items) == [
        (4 * RATE, 6 * RATE),
        (20 * RATE, 2 * RATE),
    ]


def test_what_a_clip_was_made_of_stands_in_its_name_its_notes_and_the_project(daw, track, item):
    item.texts["P_NOTES"] = "la la"
    act(daw, "repaint", Prompt="house, piano", **{"Takes (1-8)": "2"})
    placed(daw)
    middle = next(found for found in track.items if len(found.takes) > 1)
    extra = dict(part.split("=") for part in middle.take.texts["P_EXT:punchin"].split("&"))
    assert middle.take.texts["P_NAME"] == "house, piano (seed 5)"
    assert (extra["engine"], extra["seed"], extra["prompt"], extra["verb"]) == ("draft", "5", "house, piano", "repaint")
    assert middle.texts["P_NOTES"].splitlines() == [
        "la la",
        f"# punchin: repaint, house, piano, seed 5, engine draft, job {extra['job']}",
        f"# punchin: repaint, house, piano, seed 6, engine draft, job {extra['job']}",
    ]
    assert [found.texts["P_NOTES"] for found in track.items if found is not middle] == ["la la", "la la"]


def test_names_that_are_as_long_as_can_be_fit_beside_the_place(daw, track, item):
    track.texts["P_NAME"] = "ü" * 300
    item.take.envelopes = 1
    daw.project.content.tempo = [(0.0, 123.456, 7, 8, False)]
    item.values.update(D_POSITION=4.000123456789, D_VOL=0.123456789)
    act(daw, "repaint", Prompt="🎸" * 120)
    placed(daw)
    assert (
        next(found for found in track.items if len(found.takes) > 1)
        .take.texts["P_NAME"]
        .startswith("🎸" * 100 + " (seed")
    )


def test_a_neighbour_that_was_trimmed_meanwhile_keeps_its_end(daw, track, item):
    daw.project.time_selection = (9.0, 11.0)
    act(daw, "continue_after", Prompt="house")
    daw.until(lambda: daw.GetExtState("punchin", "open") == "1")
    item.values.update(D_POSITION=5.0, D_LENGTH=4.0)
    item.take.values["D_STARTOFFS"] += 1.0
    placed(daw)
    after = next(found for found in track.items if found is not item)
    assert after.frames(RATE) == (10 * RATE - round(0.05 * RATE), RATE + round(0.05 * RATE))
    assert item.values["D_FADEOUTLEN"] == 0.01


def test_what_was_trimmed_away_is_not_muted(daw, track, item):
    act(daw, "extract", Stems="drums", **{"Mute the source (0/1)": "1"})
    daw.until(lambda: daw.GetExtState("punchin", "open") == "1")
    item.values["D_LENGTH"] = 1.5
    placed(daw)
    assert [len(found.items) for found in daw.project.content.tracks] == [1, 0, 1]
    assert item.values["B_MUTE"] == 0
