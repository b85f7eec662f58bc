"""What is measured of music whose tempo, key, meter and levels are known, and what an engine adds."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from misbehaving import DESCRIPTION, TALKATIVE

from engine import RenderSpec, Studio
from engine.analysis.measuring import measured
from engine.audio import resample
from engine.backends import draft
from engine.backends.draft.compose import compose
from engine.errors import Cancelled, InvalidSpec
from engine.jobs import Job, JobState, Origin
from engine.store import Store
from engine.understanding import Measured, Told, Understanding

RECORDING = Path(__file__).parents[2] / "bridge" / "demo" / "audio" / "escape_from_chaosland.ogg"
RECORDING_BPM = 135.0


def advance(_):
    return None


def piece(prompt, rate=22050, seconds=24.0, **more):
    """A mix of the arranger, whose tempo, key and meter its score tells."""
    spec = RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": seconds, **more})
    mix, _, score = compose(spec, 3, round(seconds * rate), rate, lambda _: None)
    return mix, score


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    engines = {engine.name: engine for engine in (draft.DESCRIPTION, DESCRIPTION, TALKATIVE)}
    with Studio(tmp_path_factory.mktemp("studio") / "state", engines=engines) as running:
        yield running


@pytest.fixture(scope="module")
def ballad(tmp_path_factory):
    """Silence of 3 s, then 24 s of a piece at 44.1 kHz."""
    mix, score = piece("ballad", 44100, bpm=96.0, key="E minor")
    path = tmp_path_factory.mktemp("music") / "ballad.wav"
    silence = np.zeros((2, 3 * 44100), np.float32)
    soundfile.write(path, np.concatenate([silence, mix], axis=1).T, 44100, subtype="FLOAT")
    return path, score


def understand(studio, **values):
    spec = RenderSpec.parse({"verb": "understand", "engine": "draft", **values})
    return studio.wait(studio.submit(spec).id, 60)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_the_recording_has_its_tempo_at_every_rate(rate):
    samples, native = soundfile.read(RECORDING, dtype="float32")
    found = measured(resample(samples.T.copy(), native, rate), rate, advance)
    assert found.bpm == pytest.approx(RECORDING_BPM, rel=0.01)
    assert found.meter == "4/4"
    assert found.seconds == pytest.approx(len(samples) / native, abs=1e-3)
    assert found.chords[0][0] == 0.0


@pytest.mark.parametrize(
    ("prompt", "bpm", "key", "meter"),
    [("house", 124.0, "A minor", "4/4"), ("ballad", 72.0, "D major", "4/4"), ("folk", 108.0, "G major", "3/4")],
)
def test_tempo_key_and_meter_of_known_pieces(prompt, bpm, key, meter):
    samples, score = piece(prompt, bpm=bpm, key=key, meter=meter)
    found = measured(samples, 22050, advance)
    assert found.bpm == pytest.approx(score.bpm, rel=0.01)
    assert (found.key, found.meter) == (key, meter)
    played = {harmony.chord.name for harmony in score.chords}
    assert {name for _, name in found.chords} & played
    assert [time for time, _ in found.chords] == sorted({time for time, _ in found.chords})


def test_levels_are_those_of_the_standard():
    time = np.arange(5 * 48000) / 48000
    tone = 0.5 * np.sin(2 * np.pi * 997 * time)
    found = measured(np.stack([tone, tone]).astype(np.float32), 48000, advance)
    # BS.1770: 997 Hz at 0 dBFS in one channel is -3.01 LUFS.
    assert found.lufs == pytest.approx(20 * np.log10(0.5), abs=0.1)
    assert found.peak_db == pytest.approx(20 * np.log10(0.5), abs=0.01)


@pytest.mark.parametrize("frames", [441, 44100, 5 * 44100])
def test_silence_has_neither_tempo_nor_key_nor_chords(frames):
    found = measured(np.zeros((2, frames), np.float32), 44100, advance)
    assert (found.bpm, found.key, found.meter, found.chords) == (None, None, None, ())
    assert (found.lufs, found.peak_db) == (-70.0, -144.0)


def test_measuring_tells_how_far_it_is_and_stops_when_told_to():
    samples, _ = piece("house", seconds=12.0)
    told = []
    measured(samples, 22050, told.append)
    assert told == sorted(told)
    assert len(set(told)) >= 8
    with pytest.raises(Cancelled):
        measured(samples, 22050, lambda fraction: cancel() if fraction > 0.2 else None)


def cancel():
    raise Cancelled("cancelled")


def test_draft_understands_by_measuring_alone(studio, ballad):
    path, score = ballad
    job = understand(studio, source=str(path), source_start=3.0, cookie="c")
    assert (job.state, job.clips) == (JobState.RENDERED, ())
    assert job.understanding.told == Told()
    found = job.understanding.measured
    assert found.bpm == pytest.approx(score.bpm, rel=0.01)
    assert found.key == "E minor"
    assert found.seconds == 24.0
    assert not (studio.state / "clips" / job.id).exists()


def test_a_selection_is_heard_alone_with_times_from_the_sources_start(studio, ballad):
    path, _ = ballad
    job = understand(studio, source=str(path), source_start=3.0, start=4.5, end=16.5)
    found = job.understanding.measured
    assert found.seconds == 12.0
    assert found.chords[0][0] == 4.5
    assert all(4.5 <= time < 16.5 for time, _ in found.chords)
    silent = understand(studio, source=str(path), start=0.5, end=2.5)
    assert silent.understanding.measured.peak_db == -144.0
    beyond = understand(studio, source=str(path), start=20.0, end=40.0)
    assert (beyond.state, beyond.code) == (JobState.FAILED, "bad_source")
    assert beyond.understanding is None


def test_an_engine_that_can_adds_its_words_at_its_own_rate(studio, ballad):
    path, _ = ballad
    job = understand(studio, source=str(path), start=4.5, end=16.5, engine="talkative", bpm=96.0)
    told = job.understanding.told
    assert told.caption.startswith("1 channels, 576000 frames at 48000 Hz from 4.5 s: (Span(first=0, frames=576000),)")
    assert (told.bpm, told.language, told.note) == (96.0, "de", "in its own words")
    assert told.tempo_map == ((0.0, 120.0, 4, 4),)
    assert job.understanding.measured.bpm == pytest.approx(96.0, rel=0.01)
    failed = understand(studio, source=str(path), engine="talkative", prompt="raise")
    assert (failed.code, "has no words" in failed.message) == ("engine_error", True)


def test_an_engine_without_words_leaves_it_at_what_is_measured(studio, ballad):
    job = understand(studio, source=str(ballad[0]), engine="odd")
    assert (job.state, job.understanding.told) == (JobState.RENDERED, Told())


def test_the_measure_of_a_file_does_not_change(studio, ballad):
    first, second = (understand(studio, source=str(ballad[0])).understanding for _ in range(2))
    assert first == second


def test_there_is_one_result():
    with pytest.raises(InvalidSpec, match="takes: understand has one result, 2 takes came"):
        RenderSpec.parse({"verb": "understand", "source": "/a.wav", "takes": 2})


FOUND = Understanding(
    Measured(12.5, -14.0, -0.5, 120.25, "C# minor", "3/4", ((0.0, "N"), (1.5, "F#m"))),
    Told(caption="wüst", lyrics="[Verse]\nla", tempo_map=((0.0, 120.0, 4, 4), (4.0, 90.5, 7, 8))),
)


def job(number):
    spec = RenderSpec(verb="understand", source="/a.wav")
    return Job(f"j{number}", Origin("reaper", f"r{number}"), spec, "draft")


def test_what_was_understood_is_kept(tmp_path):
    store = Store(tmp_path / "jobs.sqlite")
    store.add(job(1))
    store.save(replace(job(1), state=JobState.RENDERED, understanding=FOUND, took=2.5))
    store.close()
    store = Store(tmp_path / "jobs.sqlite")
    assert store.get("j1").understanding == FOUND
    assert store.pace("draft", "understand") == pytest.approx(2.5 / 12.5)
    store.close()


def test_a_table_of_the_second_schema_is_brought_up_to_date(tmp_path):
    path = tmp_path / "jobs.sqlite"
    store = Store(path)
    store.add(job(1))
    store.save(job(1).become(JobState.FAILED))
    ended = store._connection.execute("SELECT ended FROM jobs").fetchone()[0]
    store.close()
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE jobs DROP COLUMN understanding")
        old.execute("PRAGMA user_version = 2")
    old.close()
    store = Store(path)
    assert store.get("j1") == job(1).become(JobState.FAILED)
    store.save(job(1).become(JobState.RENDERED, understanding=FOUND))
    assert store.get("j1").understanding == FOUND
    assert store._connection.execute("SELECT ended FROM jobs").fetchone()[0] == ended
    store.close()
