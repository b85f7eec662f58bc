import random
import sqlite3
from pathlib import Path

import pytest

from engine.jobs import ClipFile, Job, JobState, Origin
from engine.order import MOST_OVERTAKES, Waiting, in_order, is_short, seconds_asked, seconds_made
from engine.outlook import Outlook
from engine.spec import RenderSpec
from engine.store import SCHEMA_VERSION, Store

SHORT, LONG = {"length": 10.0}, {"length": 240.0}
SONG = {"source": "/music/song.wav"}


def spec(verb="generate", **more):
    return RenderSpec.parse({"verb": verb, "prompt": "house", **more})


def job(name, engine="draft", **more):
    return Job(name, Origin("reaper", name, "udp://127.0.0.1:9"), spec(**more), engine)


def clip(frames, take=1, track="mix", rate=48000):
    return ClipFile(
        Path("/c/a.wav"), Path("/c/.p"), take, track, 0.0, frames, rate, 2, 1, -1.0, -16.0, -1.0, False, 0.5
    )


def named(names, overtaken=0):
    """Jobs in order of arrival: s is a short one, l a long one."""
    return [
        Waiting(f"{kind}{number}", number, "generate", 1.0, kind == "s", overtaken if kind == "l" else 0)
        for number, kind in enumerate(names)
    ]


def order_of(names, **more):
    return " ".join(job.id for job in in_order(named(names, **more)))


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "jobs.sqlite")
    yield opened
    opened.close()


def begun(store, engine="draft"):
    """Take the next job as a lane does, and end it."""
    taken = store.next_queued(engine)
    store.save(taken.become(JobState.RENDERING))
    store.save(taken.become(JobState.RENDERED, clips=(clip(48000),), took=1.0))
    return taken.id


@pytest.mark.parametrize(
    ("verb", "keys", "seconds", "short"),
    [
        ("generate", {"length": 30.0}, 30.0, True),
        ("generate", {"length": 30.0, "takes": 2}, 60.0, False),
        ("generate", {"bars": 8, "bpm": 120}, 16.0, True),
        ("repaint", {**SONG, "start": 10.0, "end": 18.5, "takes": 4}, 34.0, True),
        ("repaint", {**SONG, "ranges": "4.0-6.0,10.5-12.0"}, 3.5, True),
        ("continue", {**SONG, "start": 60.0, "end": 75.0}, 15.0, True),
        ("continue", {**SONG, "start": 60.0, "end": 120.0}, 60.0, False),
        ("extract", {**SONG, "tracks": "all"}, None, False),
        ("extract", {**SONG, "tracks": "all", "source_length": 12.0}, 12.0, True),
        ("cover", {**SONG, "source_length": 12.0, "takes": 3}, 36.0, False),
    ],
)
def test_a_job_is_short_when_somebody_waits_at_the_selection_or_it_is_not_much_audio(verb, keys, seconds, short):
    asked = spec(verb, **keys)
    assert seconds_asked(asked) == pytest.approx(seconds)
    assert is_short(asked) is short


def test_takes_add_up_and_stems_of_one_rendering_count_once():
    assert seconds_made([clip(48000, 1), clip(96000, 2)]) == 3.0
    assert seconds_made([clip(44100, 1, track, 44100) for track in ("drums", "bass", "other")]) == 1.0


@pytest.mark.parametrize(
    ("arrived", "rendered"),
    [
        ("sss", "s0 s1 s2"),
        ("lll", "l0 l1 l2"),
        ("sls", "s0 s2 l1"),
        ("llss", "s2 s3 l0 l1"),
        ("lssssss", "s1 s2 s3 s4 l0 s5 s6"),
        ("llsssssssss", "s2 s3 s4 s5 l0 s6 s7 s8 s9 l1 s10"),
        ("ssssssl", "s0 s1 s2 s3 s4 s5 l6"),
        ("", ""),
    ],
)
def test_short_jobs_go_first_and_long_ones_go_after_so_many(arrived, rendered):
    assert MOST_OVERTAKES == 4
    assert order_of(arrived) == rendered


def test_what_overtook_already_counts():
    assert order_of("lsss", overtaken=3) == "s1 l0 s2 s3"
    assert order_of("lsss", overtaken=4) == "l0 s1 s2 s3"


@pytest.mark.parametrize("seed", range(5))
def test_no_long_job_waits_for_more_than_its_share_however_many_short_ones_come(store, seed):
    """A user who repaints without end: each long job is overtaken by at most four times its place among the long ones."""
    rng = random.Random(seed)
    count = 0
    arrived, rendered = [], []

    def arrive(kind):
        nonlocal count
        count += 1
        arrived.append(f"{kind}{count:03d}")
        store.add(job(arrived[-1], **(SHORT if kind == "s" else LONG)))

    for kind in "lll":
        arrive(kind)
    for _ in range(60):
        arrive("s")
        if rng.random() < 0.3:
            arrive("l")
        foreseen = [waiting.id for waiting in store.waiting("draft")]
        rendered.append(begun(store))
        assert rendered[-1] == foreseen[0]
        assert [waiting.id for waiting in store.waiting("draft")] == foreseen[1:], "what was foreseen holds"
    for place, name in enumerate(sorted(name for name in arrived if name[0] == "l"), 1):
        before = rendered[: rendered.index(name)] if name in rendered else rendered
        later = [other for other in before if other[0] == "s" and int(other[1:]) > int(name[1:])]
        assert len(later) <= MOST_OVERTAKES * place
    assert sum(name[0] == "l" for name in rendered) >= 10


def test_order_and_overtaking_hold_over_a_restart(tmp_path):
    names = ["l0", "s1", "s2", "s3", "l4", "s5", "s6", "s7"]
    rendered = []
    for restart in (False, True):
        store = Store(tmp_path / f"{restart}.sqlite")
        for name in names:
            store.add(job(name, **(SHORT if name[0] == "s" else LONG)))
        rendered.append([])
        for _ in names:
            if restart:
                store.close()
                store = Store(tmp_path / f"{restart}.sqlite")
            rendered[-1].append(begun(store))
        store.close()
    assert rendered[0] == rendered[1] == ["s1", "s2", "s3", "s5", "l0", "s6", "s7", "l4"]


def test_clips_that_get_their_names_are_no_second_overtaking(store):
    store.add(job("long", **LONG))
    store.add(job("short", **SHORT))
    taken = store.next_queued("draft").become(JobState.RENDERING)
    for _ in range(3):
        store.save(taken)
    (waiting,) = store.waiting("draft")
    assert (waiting.id, waiting.overtaken) == ("long", 1)


def test_engines_do_not_wait_for_each_other(store):
    store.add(job("a", **LONG))
    store.add(job("b", engine="acestep", **SHORT))
    begun(store, "acestep")
    assert [(waiting.id, waiting.overtaken) for waiting in store.waiting("draft")] == [("a", 0)]


def test_time_left_adds_up_what_stands_before_a_job(store):
    outlook = Outlook(store, "draft")
    assert outlook.expected(spec(**SHORT)) == -1, "nothing was measured yet"
    for number, took in enumerate((2.0, 3.0, 40.0)):
        name = f"m{number}"
        store.add(job(name, **SHORT))
        store.save(job(name, **SHORT).become(JobState.RENDERED, clips=(clip(480000),), took=took))
    assert store.pace("draft", "generate") == pytest.approx(0.3), "the median: one slow job is no rule"
    store.add(job("long", **LONG))
    store.add(job("first", **SHORT))
    store.add(job("second", **SHORT))
    store.add(job("stems", verb="extract", source="/music/song.wav", tracks="all"))
    for name, position, eta in (("first", 1, 8.0), ("second", 2, 11.0), ("long", 3, 83.0), ("stems", 4, -1.0)):
        progress = outlook.progress(name, 5.0)
        assert (progress.position, progress.eta) == (position, pytest.approx(eta)), name
    assert outlook.progress("second", -1.0).eta == -1, "nobody knows how long the running one takes"
    store.save(job("first", **SHORT).become(JobState.CANCELLED))
    assert outlook.progress("second", 0.0).position == 1


def test_a_table_of_the_first_schema_is_brought_up_to_date(tmp_path):
    path = tmp_path / "jobs.sqlite"
    old = sqlite3.connect(path)
    old.executescript(
        "CREATE TABLE jobs (sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client TEXT NOT NULL,"
        " request_id TEXT NOT NULL, reply_to TEXT NOT NULL, engine TEXT NOT NULL, spec TEXT NOT NULL, state TEXT NOT NULL,"
        " interruptions INTEGER NOT NULL, clips TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,"
        " delivered INTEGER NOT NULL, finished INTEGER, UNIQUE (client, request_id));"
        "CREATE INDEX jobs_by_state ON jobs (state, engine, sequence);"
        "CREATE TABLE clients (name TEXT PRIMARY KEY, reply_to TEXT NOT NULL, role TEXT NOT NULL);"
        "PRAGMA user_version = 1;"
    )
    for name, keys, state in (("done", SHORT, "received"), ("long", LONG, "queued"), ("short", SHORT, "queued")):
        old.execute(
            "INSERT INTO jobs (id, client, request_id, reply_to, engine, spec, state, interruptions, clips, code,"
            " message, delivered, finished) VALUES (?, 'reaper', ?, '', 'draft', ?, ?, 0, '[]', '', '', ?, ?)",
            (name, name, spec(**keys).model_dump_json(exclude_unset=True), state, *((1, 1) if name == "done" else (0, None))),
        )  # fmt: skip
    old.commit()
    old.close()
    for _ in range(2):
        store = Store(path)
        assert [waiting.id for waiting in store.waiting("draft")] == ["short", "long"]
        assert [each.id for each in store.latest(10)] == ["done", "long", "short"]
        assert store._connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
        store.close()
