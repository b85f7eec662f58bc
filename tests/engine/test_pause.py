import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
import soundfile
from misbehaving import DESCRIPTION

from engine import RenderSpec, Studio
from engine.backends.base import Stage
from engine.errors import Busy
from engine.jobs import JobState
from engine.supervisor import Patience

ENGINES = {"odd": DESCRIPTION}


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return value


def generate(prompt, **more):
    return RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": 1.0, "seed": 1, "engine": "odd", **more})


def worker():
    """The process that renders."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                return child
    return None


def rendering(studio, job):
    return studio.progress(job.id).stage == Stage.RENDERING


def test_pause_ends_the_worker_queues_its_job_again_and_loses_nothing(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        running = studio.submit(generate("slow 60"))
        waiting = studio.submit(generate("noise"))
        until(lambda: rendering(studio, running))
        process = until(worker)
        studio.pause()
        assert psutil.wait_procs([process], timeout=30)[1] == [], "its memory is free again"
        until(lambda: studio.store.get(running.id).state is JobState.QUEUED)
        later = studio.submit(generate("noise", seed=2))
        for place, job in enumerate((running, waiting, later), 1):
            progress = studio.progress(job.id)
            assert (progress.stage, progress.position, progress.eta) == (Stage.QUEUED, place, -1)
        assert studio.paused
        assert list(tmp_path.rglob(".punchin-*")) == []
    with Studio(tmp_path, engines=ENGINES) as studio:
        assert studio.paused, "it holds over a restart"
        time.sleep(0.5)
        assert worker() is None
        assert {job.state for job in studio.store.latest(3)} == {JobState.QUEUED}
        assert studio.store.get(running.id).interruptions == 0
        assert studio.cancel(running.id).state is JobState.CANCELLED
        studio.resume()
        assert not studio.paused
        assert {studio.wait(job.id, 60).state for job in (waiting, later)} == {JobState.RENDERED}
    with Studio(tmp_path, engines=ENGINES) as studio:
        assert not studio.paused


def test_a_job_that_was_paused_comes_out_as_if_it_had_not_been(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        paused = studio.submit(generate("slow 2", seed=5))
        until(lambda: studio.progress(paused.id).fraction > 0.2)
        studio.pause()
        until(lambda: studio.store.get(paused.id).state is JobState.QUEUED)
        studio.resume()
        (again,) = studio.wait(paused.id, 60).clips
        (through,) = studio.wait(studio.submit(generate("slow 0.1", seed=5)).id, 60).clips
    assert np.array_equal(soundfile.read(again.path)[0], soundfile.read(through.path)[0])


def test_a_job_that_the_user_cancelled_stays_cancelled_when_rendering_pauses(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        job = studio.submit(generate("hang"))
        until(lambda: studio.store.get(job.id).state is JobState.RENDERING)
        studio.cancel(job.id)
        studio.pause()
        assert studio.wait(job.id, 30).state is JobState.CANCELLED


def test_pause_and_resume_may_be_said_twice_and_a_folder_that_takes_no_mark_is_told(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        for _ in range(2):
            studio.pause()
            assert studio.paused
        for _ in range(2):
            studio.resume()
            assert not studio.paused
        (tmp_path / "paused").mkdir()
        (tmp_path / "paused" / "something").touch()
        with pytest.raises(Busy, match="cannot be removed"):
            studio.resume()


def test_a_worker_without_a_job_ends_by_itself_and_the_next_job_starts_another(tmp_path):
    with Studio(tmp_path, engines=ENGINES, patience=Patience(idle=0.3)) as studio:
        for seed in (1, 2):
            job = studio.submit(generate("noise", seed=seed))
            assert studio.wait(job.id, 60).state is JobState.RENDERED
            until(lambda: worker() is None)


def test_progress_names_place_and_time_once_an_engine_is_known(tmp_path):
    with Studio(tmp_path, engines=ENGINES) as studio:
        assert studio.wait(studio.submit(generate("slow 1")).id, 60).took > 0.9
        running = studio.submit(generate("slow 60"))
        until(lambda: rendering(studio, running))
        long = studio.submit(generate("noise", length=200.0))
        short = studio.submit(generate("noise", length=2.0))
        first, second = studio.progress(short.id), studio.progress(long.id)
        assert (first.position, second.position) == (1, 2)
        assert second.eta > first.eta > 1.8, "at least the second and more that two seconds of audio took"
        studio.pause()
