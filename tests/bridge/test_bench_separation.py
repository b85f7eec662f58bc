import json

import numpy as np
import pytest
import soundfile

from bridge.bench.projects import busiest, projects, stem_of
from bridge.bench.separation import sdr
from bridge.cli import app
from engine.errors import BadSource

RATE = 22050


def track(kind, seconds):
    """Eight seconds' worth of kicks, of a plucked bass or of a held chord: [frames, 2]."""
    time = np.arange(round(seconds * RATE)) / RATE
    beat = time % 0.5
    if kind == "kick":
        sound = np.sin(2 * np.pi * 50 * beat + 8 * np.exp(-40 * beat)) * np.exp(-20 * beat)
    elif kind == "bass":
        sound = np.sign(np.sin(2 * np.pi * 82 * time)) * np.exp(-3 * ((time + 0.25) % 0.5))
    else:
        sound = sum(np.sin(2 * np.pi * hertz * time) for hertz in (330, 415, 494)) / 3
    return np.stack([0.3 * sound, 0.2 * sound], axis=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A project as LMMS renders it, and one without a bass."""
    folder = tmp_path_factory.mktemp("projects")
    for name in ("One (demo)", "No bass"):
        (folder / name).mkdir()
        soundfile.write(folder / name / "1_Strings (low).wav", track("chord", 9), RATE)
        soundfile.write(folder / name / "3_BD 03.wav", track("kick", 8), RATE)
    soundfile.write(folder / "One (demo)" / "2_Bass Slap 02.wav", track("bass", 5), RATE)
    return folder


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("5_BD 03", "drums"),
        ("9_Closed HihHat 03", "drums"),
        ("10_bassdrum02.ogg", "drums"),
        ("13_snare_muffled02.ogg", "drums"),
        ("5_Loop", "drums"),
        ("2_Bass Slap 02", "bass"),
        ("TripleBass", "other"),
        ("SubBass", "bass"),
        ("4_Strings (low)", "other"),
        ("Bassoon", "other"),
        ("Saturn", "other"),
    ],
)
def test_a_tracks_name_tells_its_stem(name, stem):
    assert stem_of(name) == stem


def test_a_projects_tracks_become_three_stems_of_one_length(folder):
    (project,) = projects(folder)
    assert project.name == "One (demo)"
    assert project.stems.shape == (3, 2, 9 * RATE)
    assert project.rate == RATE
    bass = project.stems[1]
    assert np.allclose(bass[:, : 5 * RATE], track("bass", 5).T, atol=1e-4)
    assert not bass[:, 5 * RATE :].any()


def test_a_folder_without_a_whole_project_is_refused(folder):
    with pytest.raises(BadSource, match="drums and as bass"):
        list(projects(folder / "No bass"))


def test_the_excerpt_is_where_the_stem_that_plays_least_plays_most():
    stems = np.ones((3, 1, 100 * 50), np.float32)
    stems[1, :, : 30 * 50] = 0
    stems[2, :, 80 * 50 :] = 1e-3
    assert busiest(stems, 50) == (30 * 50, 70 * 50)
    assert busiest(stems[:, :, : 10 * 50], 50) == (0, 10 * 50)


def test_sdr_counts_what_lacks_and_what_is_too_much():
    truth = np.ones((2, 100), np.float32)
    assert sdr(truth, 0.9 * truth) == pytest.approx(20, abs=0.01)
    assert sdr(truth, truth * 0) == pytest.approx(0, abs=0.01)
    assert sdr(truth, truth) > 100


def test_the_command_compares_three_ways(folder, capsys):
    assert app(["bench", "separation", "--projects", str(folder), "--json"], result_action="return_value") == 0
    told = json.loads(capsys.readouterr().out)
    means = {mean["method"]: mean for mean in told["means"]}
    assert list(means) == ["mix as estimate", "medians alone", "ours"]
    assert all(means["ours"][stem] > means["mix as estimate"][stem] + 5 for stem in ("drums", "bass", "other"))
    assert means["mix as estimate"]["realtime"] is None
    assert means["ours"]["realtime"] > 0
    assert [score["project"] for score in told["projects"]] == ["One (demo)"] * 3


def test_the_command_draws_a_table(folder, capsys):
    assert app(["bench", "separation", "--projects", str(folder)], result_action="return_value") == 0
    said = capsys.readouterr()
    assert "medians alone" in said.out
    assert "mean of 1" in said.out
    assert "One (demo)" in said.err
