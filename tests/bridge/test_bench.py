import json
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from bridge.bench import draft as bench
from bridge.bench import trial
from bridge.bench.measures import alike, click_ratio, repeated
from bridge.bench.songs import songs
from bridge.cli import app
from engine.errors import BadSource

RATE = 22050
BPM = 120.0
BEAT = RATE // 2


def phrase(seed):
    """Four bars of 120 bpm: a chord and a hit that change from beat to beat."""
    rng = np.random.default_rng(seed)
    time = np.arange(BEAT) / RATE
    beats = []
    for count in range(16):
        hertz = 110 * 2 ** (rng.integers(0, 12) / 12)
        tone = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3, 5)) * np.exp(-2 * time)
        beats.append(0.2 * tone + 0.2 * rng.standard_normal(BEAT) * np.exp(-(20 if count % 2 else 60) * time))
    return np.concatenate(beats)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A song of 96 s in the layout of Frets on Fire: the form is A B A B and so on, 8 s each."""
    made = tmp_path_factory.mktemp("songs") / "one song"
    made.mkdir()
    whole = np.tile(np.concatenate([phrase(1), phrase(2)]), 6).astype(np.float32)
    for name, share in (("song", 0.75), ("guitar", 0.25)):
        with soundfile.SoundFile(made / f"{name}.ogg", "w", RATE, 1, format="OGG") as file:
            for first in range(0, len(whole), 4096):
                file.write(share * whole[first : first + 4096])
    notes = mido.MidiFile()
    notes.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(BPM))]))
    notes.save(made / "notes.mid")
    return made.parent


def test_the_files_of_a_song_are_mixed_and_its_tempo_is_read(folder):
    (song,) = songs(folder)
    backing, _ = soundfile.read(folder / "one song" / "song.ogg", dtype="float32")
    assert song.name == "one song"
    assert song.bpm == BPM
    assert song.frames == 96 * RATE
    # The guitar has a third of the backing's amplitude, and the same notes.
    assert np.std(song.samples) / np.std(backing) == pytest.approx(4 / 3, rel=0.02)


def test_other_audio_is_a_song_each(tmp_path):
    (tmp_path / "a").mkdir()
    for name in ("a/x.wav", "a/y.flac"):
        soundfile.write(tmp_path / name, np.zeros((100, 2)), RATE)
    assert [(song.name, song.bpm) for song in songs(tmp_path)] == [("x", None), ("y", None)]


def test_an_empty_folder_is_told(tmp_path):
    with pytest.raises(BadSource, match="no audio file"):
        next(songs(tmp_path))


def test_measures_of_equals_and_strangers():
    one, other = phrase(1)[None].astype(np.float32), phrase(2)[None].astype(np.float32)
    same, strange = alike(one, one, RATE), alike(one, other, RATE)
    assert (same.chroma, same.mel_db, same.onsets) == (pytest.approx(1), 0, pytest.approx(1))
    assert strange.chroma < 0.95
    assert strange.mel_db > 3
    # Twice as loud is 6 dB wherever the sound is well above the floor.
    noise = np.random.default_rng(3).standard_normal((1, RATE)).astype(np.float32)
    assert alike(noise, 2 * noise, RATE).mel_db == pytest.approx(6.02, abs=0.1)


def test_a_step_of_half_scale_is_a_click():
    smooth = 0.5 * np.sin(2 * np.pi * 220 * np.arange(RATE) / RATE)[None].astype(np.float32)
    stepped = smooth.copy()
    stepped[:, 5000:] += 0.5
    assert click_ratio(smooth, (5000,), RATE) <= 1.01
    assert click_ratio(stepped, (5000,), RATE) > 50


def test_how_much_of_a_piece_is_one_copy():
    last = phrase(1)[None]
    half = np.concatenate([last[:, : 8 * BEAT], phrase(2)[None, 8 * BEAT :]], axis=1)
    assert repeated(0.7 * last, last, RATE, BEAT) == 1.0
    assert repeated(half, last, RATE, BEAT) == 0.5
    # Two beats may happen to have the same notes.
    assert repeated(phrase(2)[None], last, RATE, BEAT) < 0.2
    # A bar again and again is four copies of a quarter.
    assert repeated(np.tile(last[:, -4 * BEAT :], 4), last, RATE, BEAT) == 0.25


def test_the_command_beats_the_copies_where_the_music_comes_back(folder, monkeypatch, capsys):
    monkeypatch.setattr(bench, "CONTEXTS", (32.0,))
    monkeypatch.setattr(bench, "HOLES", (4.0,))
    monkeypatch.setattr(trial, "PLACES", (0.4, 0.55))
    assert app(["bench", "draft", "--audio", str(folder), "--json"], result_action="return_value") == 0
    told = json.loads(capsys.readouterr().out)
    means = {(row["task"], row["method"]): row for row in told["means"]}
    assert {task for task, _ in means} == {"4 s in 32 s", "8 bars after 32 s"}
    ours, copy = (means["4 s in 32 s", method] for method in ("punchin", "copy previous"))
    assert ours["trials"] == 2
    # The phrase is played again 16 s before and after, to the sample.
    assert ours["chroma"] > 0.95
    assert ours["mel_db"] < 0.7
    assert copy["mel_db"] > 3
    assert ours["onsets"] > 0.98
    assert ours["click"] < 1.5
    assert ours["repeat"] is None
    loop = means["8 bars after 32 s", "loop last 8 bars"]
    assert loop["repeat"] == 1.0
    assert len(told["trials"]) == 2 * 4 + 2 * 3


def test_a_table_for_people(folder, monkeypatch, capsys):
    monkeypatch.setattr(bench, "CONTEXTS", (32.0,))
    monkeypatch.setattr(bench, "HOLES", (4.0,))
    monkeypatch.setattr(trial, "PLACES", (0.5,))
    monkeypatch.setenv("COLUMNS", "140")
    assert app(["bench", "draft", "--audio", str(folder)], result_action="return_value") == 0
    out = capsys.readouterr().out
    assert "loop last 8 bars" in out
    assert "chroma cosine" in out
    assert str(Path(folder)) not in out
