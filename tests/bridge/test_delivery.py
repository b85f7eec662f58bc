from itertools import pairwise
from pathlib import Path

import pytest

from bridge.protocol.delivery import LEASE_SECONDS, Delivery, results
from bridge.protocol.messages import Cancelled, ClipReady, Done, Failed
from engine.jobs import ClipFile, Job, JobState, Origin
from engine.spec import RenderSpec


def job(number, client="reaper", state=JobState.RENDERED, clips=2):
    files = tuple(
        ClipFile(Path(f"/c/{index}.wav"), Path("/c/p"), 1, "mix", 0.0, 10, 48000, 2, 1, -1.0, -16.0, -1.0, False, 0.1)
        for index in range(clips)
    )
    spec = RenderSpec(verb="generate", prompt="x", length=1.0, cookie="here")
    return Job(
        f"j{number}",
        Origin(client, f"r{number}", "udp://127.0.0.1:1"),
        spec,
        "draft",
        state,
        clips=files,
        code="engine_died",
        message="m",
    )


@pytest.fixture
def sent():
    return []


@pytest.fixture
def delivery(sent):
    made = Delivery(lambda client, message: sent.append((client, message)))
    made.heard("reaper", 0.0)
    return made


def jobs_done(sent):
    return [(client, message.job_id) for client, message in sent if isinstance(message, Done)]


def test_results_are_clips_in_order_then_done_with_the_cookie():
    first, second, done = results(job(1))
    assert isinstance(first, ClipReady)
    assert [first.index, second.index, first.count] == [0, 1, 2]
    assert done == Done(job_id="j1", count=2, cookie="here")
    assert results(job(1, state=JobState.FAILED)) == [
        Failed(job_id="j1", code="engine_died", message="m", cookie="here")
    ]
    assert results(job(1, state=JobState.CANCELLED)) == [Cancelled(job_id="j1", cookie="here")]
    assert results(job(1, state=JobState.RENDERING)) == []


def test_sent_again_at_half_a_second_doubling_to_thirty_until_received(delivery, sent):
    delivery.add(job(1), 0.0)
    times = [0.0]
    now = 0.0
    while now < 200:
        now += 0.125
        delivery.heard("reaper", now)
        before = len(sent)
        delivery.tick(now)
        if len(sent) > before:
            times.append(now)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[:8] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    delivery.received("j1")
    before = len(sent)
    delivery.tick(now + 100)
    assert len(sent) == before


def test_a_client_that_falls_silent_is_left_alone_until_it_speaks_again(delivery, sent):
    delivery.add(job(1), 0.0)
    for now in range(1, 300):
        delivery.tick(float(now))
    assert len(jobs_done(sent)) == 7, "at 0, 1, 2, 4, 8, 16, 32 s: within the lease of 60 s"
    sent.clear()
    delivery.heard("reaper", 300.0)
    delivery.tick(300.0)
    assert jobs_done(sent) == [("reaper", "j1")]


def test_hello_brings_everything_again_in_the_order_in_which_it_ended(delivery, sent):
    for number in (3, 1, 2):
        delivery.add(job(number), 0.0)
    delivery.add(job(9, "live"), 0.0)
    delivery.received("j1")
    sent.clear()
    delivery.heard("reaper", LEASE_SECONDS + 5)
    delivery.again("reaper", LEASE_SECONDS + 5)
    assert jobs_done(sent) == [("reaper", "j3"), ("reaper", "j2")]
