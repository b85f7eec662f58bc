"""What the supervisor ends and what it lets go on, with a real worker and a clock that can be turned."""

import threading
import time
from dataclasses import replace

import pytest
from loguru import logger
from misbehaving import DESCRIPTION

from engine.errors import Cancelled, TimedOut
from engine.spec import RenderSpec
from engine.supervisor import Patience, Supervisor
from engine.worker import Order

MUCH_FASTER = 30.0


class Clock:
    """Monotonic seconds, at a rate of its own, with jumps."""

    def __init__(self):
        self.rate = 1.0
        self.shown = 0.0
        self.looked = time.monotonic()

    def __call__(self):
        now = time.monotonic()
        self.shown += (now - self.looked) * self.rate
        self.looked = now
        return self.shown


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def supervised(clock, tmp_path):
    """Renders a prompt with a patience of half a minute, by a worker that has loaded already."""
    supervisor = Supervisor(DESCRIPTION, Patience(heartbeat=30.0, progress=30.0), clock)

    def run(prompt, advance=lambda fraction, stage: None):
        spec = RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": 1.0, "seed": 1, "engine": "odd"})
        return supervisor.run(Order("job", spec, tmp_path), threading.Event(), advance).clips

    assert len(run("noise")) == 1
    run.supervisor = supervisor
    yield run
    supervisor.stop()


def test_a_job_that_is_slow_but_advances_is_never_ended(supervised, clock):
    """Reliability 11: three times as long as the patience with a silent job."""
    clock.rate = MUCH_FASTER
    begun = clock()
    assert len(supervised("slow 3")) == 1
    assert clock() - begun > 3 * 30.0


@pytest.mark.parametrize("prompt", ["hang", "stuck"])
def test_a_job_without_progress_is_ended_even_if_it_reports(supervised, clock, prompt):
    """Reliability 11: it lives and, if stuck, says so all the time, but always the same. The log flags it first."""
    clock.rate = MUCH_FASTER
    warnings = []
    sink = logger.add(warnings.append, level="WARNING")
    try:
        with pytest.raises(TimedOut, match="no progress for 3"):
            supervised(prompt)
    finally:
        logger.remove(sink)
    assert [warning.record["message"].partition(" for ")[0] for warning in warnings] == [
        "engine odd has made no progress"
    ]
    assert supervised.supervisor.pid is None
    clock.rate = 1.0
    assert len(supervised("noise")) == 1, "the next job starts a new worker"


def test_an_hour_of_sleep_ends_no_job(supervised, clock):
    """Reliability 15: on some systems the monotonic clock goes on while the machine sleeps."""
    slept = []

    def sleep(fraction, stage):
        if fraction > 0.3 and not slept:
            slept.append(fraction)
            clock.shown += 3600.0

    assert len(supervised("slow 2", sleep)) == 1
    assert slept


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_wall_clock_that_is_set_ends_no_job(supervised, monkeypatch, jump):
    """Reliability 15: no timer looks at the wall clock."""
    real = time.time
    jumped = []

    def set_clock(fraction, stage):
        if fraction > 0.3 and not jumped:
            jumped.append(fraction)
            monkeypatch.setattr(time, "time", lambda: real() + jump)

    assert len(supervised("slow 2", set_clock)) == 1
    assert jumped


@pytest.mark.parametrize(("longest_step", "lives"), [(0.0, False), (60.0, True)])
def test_an_engine_with_long_steps_is_given_one_to_stop_in(tmp_path, longest_step, lives):
    supervisor = Supervisor(replace(DESCRIPTION, longest_step=longest_step), Patience())
    cancelled = threading.Event()

    def run(prompt, advance=lambda fraction, stage: None):
        spec = RenderSpec.parse({"verb": "generate", "prompt": prompt, "length": 1.0, "seed": 1, "engine": "odd"})
        return supervisor.run(Order("job", spec, tmp_path), cancelled, advance).clips

    try:
        run("noise")
        before = supervisor.pid
        with pytest.raises(Cancelled):
            run("layer 3", lambda fraction, stage: cancelled.set() if fraction > 0.3 else None)
        assert (supervisor.pid == before) is lives
    finally:
        supervisor.stop()
