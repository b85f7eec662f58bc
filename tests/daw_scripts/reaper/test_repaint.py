"""Select, type, and the take is there: at the right frame, and one undo takes it away."""

import numpy as np
import pytest
import reaper_parser
import soundfile


def repaint(daw, **answer):
    daw.answers.append(
        {"Prompt": "jazz, brushes", "Seed (-1: random)": "7", "Engine (auto/draft/acestep)": "draft"} | answer
    )
    daw.start(daw.actions_folder / "punchin_repaint.lua")


def placed(daw, count=1):
    return daw.until(lambda: len(daw.project.undo) == count)


def middle_of(track):
    return sorted(track.items, key=lambda item: item.start)[1]


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_the_selected_part_gets_a_take_at_the_right_frame(daws, song, rate):
    daw = daws(rate=rate)
    project = daw.project
    track = project.add_track("Gitarre")
    item = project.add_item(track, song, 10.0, 8.0, offset=0.5)
    project.set_tempo((0.0, 120.0, 4, 4), (11.0, 98.7, 3, 4))
    project.select(item)
    project.time_selection = (12.000003, 14.5)
    repaint(daw)
    before = daw.save()
    placed(daw)

    left, middle, right = sorted(track.items, key=lambda item: item.start)
    assert middle.frames(rate) == (12 * rate, round(2.5 * rate))
    assert left.end == middle.start
    assert middle.end == right.start
    assert right.end == 18.0
    assert (left.values["D_FADEOUTLEN"], middle.values["D_FADEINLEN"], right.values["D_FADEINLEN"]) == (0, 0, 0)
    original, new = middle.takes
    assert middle.take is new
    assert original.values["D_STARTOFFS"] == pytest.approx(2.5, abs=1e-9)
    assert abs(new.values["D_STARTOFFS"]) * rate < 1e-4
    info = soundfile.info(new.source.path)
    assert (info.frames, info.samplerate) == (round(2.5 * rate), rate)
    assert new.texts["P_NAME"] == "jazz, brushes (seed 7)"

    read = reaper_parser.parse(daw.save()).project.tracks[0].items
    assert [round(found.position * rate) for found in read] == [10 * rate, 12 * rate, round(14.5 * rate)]
    daw.Undo_DoUndo2(0)
    assert daw.save() == before


def test_the_clip_begins_and_ends_as_the_recording_does(daw, song):
    project = daw.project
    track = project.add_track("Gitarre")
    project.select(project.add_item(track, song, 3.0, 8.8))
    project.time_selection = (5.0, 8.0)
    repaint(daw)
    placed(daw)
    new, _ = soundfile.read(middle_of(track).take.source.path)
    recorded, rate = soundfile.read(song)
    original = recorded[2 * rate : 5 * rate]
    assert np.abs(new[0] - original[0]).max() < 1e-6
    assert np.abs(new[rate:-rate] - original[rate:-rate]).max() > 0.01
