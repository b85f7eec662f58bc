"""`punchin demo` as its user runs it, checked by readers that know nothing of it."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import reaper_parser
import rpp
import soundfile
from PIL import Image


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "demo", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out, json.loads((out / "summary.json").read_text()), done.stdout


KEYS = {"path", "verb", "take", "track", "frames", "sample_rate", "seed", "start", "engine", "compute_seconds"}


def test_the_summary_names_every_clip(demo):
    _, summary, _ = demo
    assert summary["ok"] is True
    assert all(set(clip) >= KEYS for clip in summary["clips"])
    assert {clip["engine"] for clip in summary["clips"]} == {"draft"}
    for clip in summary["clips"]:
        info = soundfile.info(clip["path"])
        assert (info.frames, info.samplerate) == (clip["frames"], clip["sample_rate"])


def of(summary, verb):
    return [clip for clip in summary["clips"] if clip["verb"] == verb]


def test_lengths_and_places_are_those_of_the_bars(demo):
    _, summary, _ = demo
    (piece,) = of(summary, "generate")
    assert piece["frames"] == 16 * 48000
    assert [(clip["start"], clip["frames"]) for clip in of(summary, "continue")] == [
        (-4.0, 4 * 48000),
        (16.0, 8 * 48000),
    ]
    repaints = of(summary, "repaint")
    assert [(clip["take"], clip["start"], clip["frames"]) for clip in repaints[:3]] == [
        (take, 4.0, 4 * 48000) for take in (1, 2, 3)
    ]
    assert [(clip["start"], clip["frames"]) for clip in repaints[3:]] == [(2.0, 2 * 48000), (11.0, 72000)]


def test_takes_differ_and_begin_and_end_with_the_source(demo):
    _, summary, _ = demo
    source = soundfile.read(of(summary, "generate")[0]["path"], dtype="float32")[0]
    takes = [soundfile.read(clip["path"], dtype="float32")[0] for clip in of(summary, "repaint")[:3]]
    for take in takes:
        assert np.array_equal(take[0], source[4 * 48000])
        assert np.array_equal(take[-1], source[8 * 48000 - 1])
    for one, other in combinations([take.mean(1) for take in takes], 2):
        assert np.corrcoef(one, other)[0, 1] < 0.9, "another seed is another take"


def test_stems_and_residual_null_against_the_recording(demo):
    out, summary, _ = demo
    stems = of(summary, "extract")
    assert [clip["track"] for clip in stems] == ["drums", "bass", "other", "residual"]
    recording = soundfile.read(next(out.glob("*.ogg")), dtype="float32")[0].astype(np.float64)
    total = sum(soundfile.read(clip["path"], dtype="float32")[0].astype(np.float64) for clip in stems)
    assert 20 * np.log10(np.abs(total - recording).max() + 1e-12) < -90
    assert [clip["silent"] for clip in stems] == [False, False, False, True]


def test_one_job_was_cancelled_and_one_refused(demo):
    _, summary, stdout = demo
    outcomes = {step["step"]: step for step in summary["steps"]}
    assert outcomes["cancel half way"]["outcome"] == "cancelled"
    assert outcomes["a bad request"]["message"] == "bpm: must be 30 to 300, 900 came"
    assert "900 came" in stdout


def test_the_recording_was_understood(demo):
    _, summary, stdout = demo
    (step,) = (step for step in summary["steps"] if step["verb"] == "understand")
    assert step["outcome"] == "done"
    bpm, unit, *_ = step["message"].split(" ")
    assert unit == "bpm,"
    assert float(bpm) == pytest.approx(135.0, rel=0.01)
    assert "bpm, 4/4" in stdout


def test_the_project_has_every_clip_at_its_place(demo):
    out, summary, _ = demo
    text = (out / "demo.rpp").read_text("utf-8")
    project = reaper_parser.parse(text).project
    assert project.tempo == 120.0
    placed = {
        take.source.file_path: (track.name, item.position, item.length)
        for track in project.tracks
        for item in track.items
        for take in item.takes
    }
    assert set(placed) == {Path(clip["path"]).name for clip in summary["clips"]}
    for clip in summary["clips"]:
        track, position, length = placed[Path(clip["path"]).name]
        origin = 32.0 if clip["verb"] == "extract" else 8.0
        assert position == pytest.approx(origin + clip["start"], abs=1e-9)
        assert length == pytest.approx(clip["frames"] / clip["sample_rate"], abs=1e-9)
        assert clip["verb"] in track
    repaint = next(track for track in project.tracks if "3 takes" in track.name)
    assert [len(item.takes) for item in repaint.items] == [3]


def test_a_second_reader_finds_the_same_tracks(demo):
    out, _, _ = demo
    text = (out / "demo.rpp").read_text("utf-8")
    names = [track.find("NAME")[1] for track in rpp.loads(text).findall("TRACK")]
    assert names == [track.name for track in reaper_parser.parse(text).project.tracks]


def test_there_is_a_picture_of_every_step(demo):
    out, _, _ = demo
    pictures = sorted(out.glob("*.png"))
    assert [path.name[:2] for path in pictures] == ["01", "02", "03", "04", "05"]
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.width == 1600
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 20, "something is drawn"


def test_a_folder_with_something_in_it_is_left_alone(demo):
    out, _, _ = demo
    before = sorted(path.name for path in out.iterdir())
    again = subprocess.run(
        [sys.executable, "-m", "bridge", "demo", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 2
    assert "choose another folder" in again.stderr
    assert sorted(path.name for path in out.iterdir()) == before
