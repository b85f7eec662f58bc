import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Studio
from engine.errors import Busy, CannotStart, NotFound
from engine.jobs import ClipFile, Job, JobState, Origin
from engine.spec import RenderSpec
from engine.store import SCHEMA_VERSION, Store, overview


def job(number, client="reaper", engine="draft"):
    spec = RenderSpec(verb="generate", prompt="ünï", length=1.0, cookie="c")
    return Job(f"j{number}", Origin(client, f"r{number}", "udp://127.0.0.1:9"), spec, engine)


CLIP = ClipFile(
    Path("/c/ä.wav"), Path("/c/.p"), 1, "mix", -1.5, 2**33, 96000, 8, 2**32 - 1, -0.1, -16.0, -1.0, True, 0.5, "note"
)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "jobs.sqlite")
    yield opened
    opened.close()


def test_a_job_comes_back_as_it_was_kept(store):
    kept = job(1).become(JobState.RENDERED, clips=(CLIP,), message="m")
    store.add(job(1))
    store.save(kept)
    assert store.get("j1") == kept
    with pytest.raises(NotFound):
        store.get("j2")


def test_one_request_is_one_job_for_each_client(store):
    assert store.add(job(1)) == (job(1), True)
    again, is_new = store.add(Job("other", job(1).origin, job(1).spec, "draft"))
    assert (again.id, is_new) == ("j1", False)
    assert store.add(Job("j2", Origin("live", "r1"), job(1).spec, "draft"))[1]


def test_queue_and_undelivered_keep_their_order(store):
    for number in (1, 2, 3, 4):
        store.add(job(number))
    assert store.next_queued("draft").id == "j1"
    assert store.next_queued("acestep") is None
    for number in (3, 1):
        store.save(job(number).become(JobState.RENDERED))
    store.save(job(2).become(JobState.FAILED))
    assert [each.id for each in store.undelivered()] == ["j3", "j1", "j2"]
    store.save(job(1).become(JobState.RECEIVED, delivered=True))
    assert [each.id for each in store.undelivered("reaper")] == ["j3", "j2"]
    assert store.next_queued("draft").id == "j4"
    assert [each.id for each in store.latest(2)] == ["j3", "j4"]


def test_a_client_that_moves_is_answered_at_its_new_address(store):
    store.add(job(1))
    store.remember("reaper", "udp://127.0.0.1:10", "daw")
    assert store.get("j1").origin.reply_to == "udp://127.0.0.1:10"
    store.remember("live", "udp://127.0.0.1:10", "daw")
    assert [name for name, _, _ in store.clients()] == ["live"], "one address is one client"


@pytest.mark.parametrize(
    "content", [b"this is no database, but it was somebody's jobs" * 100, None], ids=["junk", "torn"]
)
def test_a_damaged_table_is_set_aside_and_never_deleted(tmp_path, content):
    path = tmp_path / "jobs.sqlite"
    if content is None:
        store = Store(path)
        for number in range(200):
            store.add(job(number))
        store.close()
        content = bytearray(path.read_bytes())
        content[4096 * 2 : 4096 * 6] = b"\xff" * (4096 * 4)
    path.write_bytes(content)
    store = Store(path)
    assert store.latest(10) == []
    store.close()
    (aside,) = tmp_path.glob("jobs.damaged-*.sqlite")
    assert aside.read_bytes() == bytes(content)


def test_a_table_of_the_future_is_left_alone(tmp_path):
    path = tmp_path / "jobs.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(CannotStart, match="newer punchin"):
        Store(path)


def test_a_table_that_cannot_be_written_refuses_and_stays_whole(store):
    store.add(job(1))
    store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(Busy, match="make room"):
        list(map(store.add, map(job, range(2, 200))))
    store._connection.execute("PRAGMA max_page_count = 100000")
    assert store._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert store.get("j1") == job(1)


def test_old_jobs_that_were_delivered_leave_the_table_and_no_file_goes(store, tmp_path):
    clip = tmp_path / "take.wav"
    clip.write_bytes(b"somebody's take")
    days = {1: 100, 2: 100, 3: 10, 4: 9, 5: 100}
    for number, age in days.items():
        ended = job(number).become(JobState.RENDERED, clips=(replace(CLIP, path=clip),), took=1.0)
        store.add(job(number))
        store.save(ended)
        if number != 2:
            store.save(ended.become(JobState.RECEIVED, delivered=True))
        store._connection.execute("UPDATE jobs SET ended = ended - ? WHERE id = ?", (age * 86400.0, f"j{number}"))
    store.add(job(6))
    assert store.prune(time.time() - 90 * 86400.0, 10) == 2
    assert [each.id for each in store.latest(10)] == ["j2", "j3", "j4", "j6"], "never what waits, or was not received"
    assert store.prune(0.0, 2) == 0
    assert store.prune(0.0, 1) == 1
    assert [each.id for each in store.latest(10)] == ["j2", "j4", "j6"]
    assert clip.read_bytes() == b"somebody's take"


def test_a_studio_prunes_when_it_starts_and_a_table_without_room_does_not_hinder_it(tmp_path, monkeypatch):
    with Studio(tmp_path, engines={}) as studio:
        studio.store.add(job(1))
        studio.store.save(job(1).become(JobState.RECEIVED, delivered=True))
        studio.store._connection.execute("UPDATE jobs SET ended = 0")
        studio.store._connection.commit()
    studio = Studio(tmp_path, engines={})
    studio.store._connection.execute("PRAGMA query_only = ON")
    with studio:
        assert len(studio.store.latest(10)) == 1
        studio.store._connection.execute("PRAGMA query_only = OFF")
    with Studio(tmp_path, engines={}) as studio:
        assert studio.store.latest(10) == []


def test_the_table_can_be_read_beside_its_owner_and_after(store, tmp_path):
    path = tmp_path / "jobs.sqlite"
    for number in (1, 2, 3):
        store.add(job(number))
    assert [row["id"] for row in overview(path, 2)] == ["j2", "j3"]
    store.close()
    assert [row["verb"] for row in overview(path, 10)] == ["generate"] * 3
    with pytest.raises(sqlite3.Error):
        overview(tmp_path / "none.sqlite", 10)
    assert not (tmp_path / "none.sqlite").exists()
