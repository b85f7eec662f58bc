import os
import signal
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
import soundfile
from misbehaving import AT_ITS_OWN_RATE, DEAF, DESCRIPTION, SETTLED, UNLOADABLE

from engine import RenderSpec, Studio
from engine.errors import InvalidSpec, NotFound, Unsupported
from engine.jobs import JobState, Origin
from engine.supervisor import Patience

ENGINES = {engine.name: engine for engine in (DESCRIPTION, AT_ITS_OWN_RATE, UNLOADABLE, DEAF, SETTLED)}


@pytest.fixture
def studio(tmp_path):
    with Studio(tmp_path / "state", engines=ENGINES) as running:
        yield running


@pytest.fixture
def song(tmp_path):
    path = tmp_path / "song.wav"
    samples = np.random.default_rng(5).standard_normal((44100 * 6, 2)) * 0.1
    soundfile.write(path, samples.astype(np.float32), 44100, subtype="FLOAT")
    return path


def generate(prompt, **more):
    return RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": 1.0, "seed": 1, "engine": "odd", **more})


def finished(studio, spec, timeout=30):
    return studio.wait(studio.submit(spec).id, timeout)


def until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def stray_parts(folder):
    return list(folder.rglob(".punchin-*"))


def test_a_job_becomes_clips_under_their_final_names(studio, tmp_path):
    job = finished(studio, generate("noise", takes=3, directory=str(tmp_path), name="idea"))
    assert job.state is JobState.RENDERED
    assert [clip.path.name for clip in job.clips] == [
        "idea_00000001_t01.wav",
        "idea_00000002_t02.wav",
        "idea_00000003_t03.wav",
    ]
    assert [clip.seed for clip in job.clips] == [1, 2, 3]
    for clip in job.clips:
        assert soundfile.info(clip.path).frames == clip.frames == 48000
    assert not stray_parts(tmp_path)


def test_nothing_is_ever_overwritten(studio, tmp_path):
    mine = tmp_path / "idea_00000001_t01.wav"
    mine.write_bytes(b"a take nobody may lose")
    job = finished(studio, generate("noise", directory=str(tmp_path), name="idea"))
    assert job.clips[0].path.name == "idea_00000001_t01-2.wav"
    assert mine.read_bytes() == b"a take nobody may lose"


@pytest.mark.parametrize(
    ("prompt", "code", "words"),
    [
        ("die", "engine_died", "killed by signal 9"),
        ("exit", "engine_died", "exit code 3"),
        ("raise", "engine_error", "the model has a bug"),
        ("memory", "out_of_memory", "shorter selection"),
        ("nan", "bad_output", "NaN"),
        ("silence", "bad_output", "silen"),
        ("clipping", "bad_output", "clip"),
        ("dc", "bad_output", "DC"),
        ("short", "bad_output", "47900"),
    ],
)
def test_a_bad_day_of_the_engine_ends_one_job_and_the_next_one_runs(studio, tmp_path, prompt, code, words):
    job = finished(studio, generate(prompt, directory=str(tmp_path)))
    assert (job.state, job.code) == (JobState.FAILED, code)
    assert words in job.message
    assert not stray_parts(tmp_path)
    assert not list(tmp_path.glob("*.wav"))
    assert finished(studio, generate("noise")).state is JobState.RENDERED


def test_an_engine_starts_with_its_environment_and_the_users_goes_first(studio, monkeypatch):
    monkeypatch.setenv("PUNCHIN_OWN", "yes")
    before = dict(os.environ)
    job = finished(studio, generate("environment PUNCHIN_ODD PUNCHIN_OWN", engine="settled"))
    assert "PUNCHIN_ODD=7 PUNCHIN_OWN=yes" in job.clips[0].note
    assert dict(os.environ) == before
    plain = finished(studio, generate("environment PUNCHIN_ODD"))
    assert "PUNCHIN_ODD=None" in plain.clips[0].note


def test_an_engine_that_cannot_load_says_so(studio):
    job = finished(studio, generate("noise", engine="broken"))
    assert (job.code, "weights are missing" in job.message) == ("engine_error", True)


@pytest.mark.parametrize(
    ("prompt", "patience"), [("hang", Patience(progress=15.0)), ("stop", Patience(heartbeat=15.0))]
)
def test_an_engine_that_hangs_is_ended(tmp_path, prompt, patience):
    with Studio(tmp_path, engines=ENGINES, patience=patience) as studio:
        job = finished(studio, generate(prompt), 90)
        assert job.code == "timed_out"
        assert finished(studio, generate("noise"), 90).state is JobState.RENDERED


@pytest.mark.parametrize("prompt", ["slow 30", "hang"])
def test_cancel_stops_compute_within_half_a_second(studio, tmp_path, prompt):
    job = studio.submit(generate(prompt, directory=str(tmp_path)))
    until(lambda: studio.progress(job.id).stage == "reading" or studio.progress(job.id).fraction > 0)
    time.sleep(0.2)
    asked = time.monotonic()
    studio.cancel(job.id)
    ended = studio.wait(job.id, 10)
    assert ended.state is JobState.CANCELLED
    assert time.monotonic() - asked < 5, "far beyond half a second even on a machine under load"
    assert not stray_parts(tmp_path)
    assert studio.cancel(job.id).state is JobState.CANCELLED
    assert finished(studio, generate("noise")).state is JobState.RENDERED


def test_cancel_of_a_queued_job_and_of_one_that_has_ended(studio):
    running = studio.submit(generate("slow 30"))
    queued = studio.submit(generate("noise"))
    assert studio.cancel(queued.id).state is JobState.CANCELLED
    studio.cancel(running.id)
    done = finished(studio, generate("noise"))
    with pytest.raises(InvalidSpec, match="rendered already"):
        studio.cancel(done.id)
    with pytest.raises(NotFound):
        studio.cancel("nobody")


def test_the_same_request_is_one_job(studio):
    origin = Origin("reaper", "r-1", "udp://127.0.0.1:9")
    jobs = {studio.submit(generate("noise"), origin).id for _ in range(100)}
    assert len(jobs) == 1
    assert len(studio.store.latest(1000)) == 1


def test_a_retry_keeps_the_spec_but_for_what_changes(studio):
    first = finished(studio, generate("noise"))
    second = studio.wait(studio.retry(first.id, {"seed": 9}).id, 30)
    assert (second.spec.seed, second.spec.prompt, second.engine) == (9, "noise", "odd")
    again = studio.wait(studio.retry(first.id, {}).id, 30)
    assert np.array_equal(soundfile.read(again.clips[0].path)[0], soundfile.read(first.clips[0].path)[0])


def test_what_cannot_work_is_refused_before_a_job_exists(studio, tmp_path):
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "gone.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    for source, error, words in (
        (tmp_path / "gone.wav", NotFound, "is not there"),
        (tmp_path / "dangling.wav", NotFound, "link to a file that is not there"),
        (tmp_path, InvalidSpec, "is a folder"),
        (tmp_path / "pipe.wav", InvalidSpec, "device, pipe or socket"),
        ("/dev/zero", InvalidSpec, "device, pipe or socket"),
    ):
        with pytest.raises(error, match=words):
            studio.submit(RenderSpec.parse({"verb": "repaint", "source": str(source), "start": 0, "end": 1}))
    with pytest.raises(NotFound, match="no folder"):
        studio.submit(generate("noise", directory=str(tmp_path / "nowhere")))
    with pytest.raises(Unsupported, match="not installed; there are odd"):
        studio.submit(generate("noise", engine="other"))
    with pytest.raises(Unsupported, match="cannot extract vocals; it can drums, bass, residual, all"):
        studio.submit(
            RenderSpec.parse({"verb": "extract", "source": "/dev/../etc/hostname", "tracks": "vocals", "engine": "odd"})
        )
    song = {"source": "/dev/../etc/hostname", "engine": "deaf"}
    with pytest.raises(Unsupported, match=r"^track: engine deaf cannot play vocals; it can play drums, bass$"):
        studio.submit(RenderSpec.parse({"verb": "lego", "track": "vocals", **song}))
    with pytest.raises(
        Unsupported, match=r"^tracks: engine deaf cannot play guitar, strings; it can play drums, bass$"
    ):
        studio.submit(RenderSpec.parse({"verb": "complete", "tracks": "guitar,drums,strings", **song}))
    assert studio.store.latest(10) == []


def test_a_random_seed_is_settled_so_that_it_can_be_told(studio):
    job = finished(studio, generate("noise", seed=-1))
    assert job.spec.seed == job.clips[0].seed >= 0


@pytest.mark.parametrize("engine", ["odd", "rated"])
def test_an_engine_with_its_own_rate_gives_exact_clips(studio, song, engine):
    spec = RenderSpec.parse(
        {"verb": "repaint", "source": str(song), "start": 1.00001, "end": 3.7, "seed": 3, "engine": engine}
    )
    (clip,) = finished(studio, spec).clips
    samples, rate = soundfile.read(clip.path, dtype="float32")
    source, _ = soundfile.read(song, dtype="float32")
    assert rate == 44100
    assert len(samples) == round((3.7 - 1.00001) * 44100)
    first = round(1.00001 * 44100)
    assert np.array_equal(samples[0], source[first])
    assert np.array_equal(samples[-1], source[first + len(samples) - 1])


def test_stems_come_in_the_order_asked_for_and_add_up(studio, song):
    spec = RenderSpec.parse({"verb": "extract", "source": str(song), "tracks": "residual,all", "engine": "odd"})
    job = finished(studio, spec)
    assert [clip.track for clip in job.clips] == ["drums", "bass", "residual"]
    total = sum(soundfile.read(clip.path)[0] for clip in job.clips)
    assert np.abs(total - soundfile.read(song)[0]).max() < 1e-6


@pytest.mark.parametrize(("end", "code", "words"), [(20.0, None, ""), (9999.0, "too_large", "600")])
def test_a_continuation_may_be_long_but_not_endless(studio, song, end, code, words):
    job = finished(
        studio, RenderSpec.parse({"verb": "continue", "source": str(song), "start": 2, "end": end, "engine": "odd"})
    )
    assert job.code == (code or "")
    assert words in job.message
    if not code:
        assert (job.clips[0].start, job.clips[0].frames) == (6.0, 14 * 44100)


@pytest.mark.parametrize(
    ("verb", "selection", "words"),
    [
        ("repaint", {"start": 6.0, "end": 7.0}, "outside of the source"),
        ("continue", {"start": 1.0, "end": 5.0}, "inside of the source"),
        ("repaint", {"start": 1.0, "end": 2.0, "source_start": 10.0}, "beyond the end"),
        ("repaint", {"start": 1.0, "end": 2.0, "source_length": 10.0}, "more than song.wav holds"),
    ],
)
def test_a_selection_that_the_source_does_not_have_is_a_bad_source(studio, song, verb, selection, words):
    job = finished(studio, RenderSpec.parse({"verb": verb, "source": str(song), "engine": "odd", **selection}))
    assert (job.code, words in job.message) == ("bad_source", True), job.message


def test_a_daemon_that_is_stopped_queues_its_job_again(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        job = studio.submit(generate("slow 60"))
        until(lambda: studio.progress(job.id).fraction > 0)
    stopped = studio_job(tmp_path, job.id)
    assert (stopped.state, stopped.interruptions) == (JobState.QUEUED, 0)


def test_a_job_that_a_daemon_died_on_is_rendered_once_more_and_no_more(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        job = studio.submit(generate("slow 60"))
    for deaths, state in ((1, JobState.RENDERING), (2, JobState.FAILED)):
        studio = Studio(tmp_path, engines=ENGINES)
        studio.store.save(studio.store.get(job.id).become(JobState.RENDERING))
        studio.close()
        with Studio(tmp_path, engines=ENGINES) as studio:
            until(lambda studio=studio, state=state: studio.store.get(job.id).state is state, 20)
            assert studio.store.get(job.id).interruptions == deaths
    assert studio_job(tmp_path, job.id).code == "interrupted"


def test_a_daemon_that_died_while_it_named_the_clips_goes_on_where_it_stopped(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        job = finished(studio, generate("noise", takes=2))
        first, second = job.clips
        second.path.rename(second.temporary)
        studio.store.save(replace(job, state=JobState.RENDERING))
    with Studio(tmp_path, engines=ENGINES) as studio:
        again = studio.wait(job.id, 10)
    assert again.state is JobState.RENDERED
    assert [clip.path for clip in again.clips] == [first.path, second.path]
    assert not stray_parts(tmp_path)


def studio_job(state, job_id):
    studio = Studio(state, engines=ENGINES)
    try:
        return studio.store.get(job_id)
    finally:
        studio.close()


def test_the_worker_ends_when_its_parent_is_killed(tmp_path):
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path; from engine import RenderSpec, Studio; from misbehaving import DESCRIPTION\n"
        "if __name__ == '__main__':\n"
        "    studio = Studio(Path(sys.argv[1]), engines={'odd': DESCRIPTION}); studio.start()\n"
        "    studio.submit(RenderSpec.parse(dict(verb='generate', prompt='hang', length=1.0, engine='odd')))\n"
        "    time.sleep(60)\n"
    )
    script = tmp_path / "library_user.py"
    script.write_text(program)
    import subprocess
    import sys

    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path / "state"), os.path.dirname(__file__)])
    until(lambda: len(psutil.Process(parent.pid).children()) >= 1)
    time.sleep(0.5)
    children = psutil.Process(parent.pid).children(recursive=True)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
