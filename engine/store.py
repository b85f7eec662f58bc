"""The jobs on disk: SQLite in WAL mode, one row a job, every change committed before it is announced."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from loguru import logger
from pydantic import TypeAdapter

from engine.errors import Busy, CannotStart, NotFound
from engine.jobs import ClipFile, Job, JobState, Origin
from engine.order import Waiting, in_order, is_short, seconds_asked, seconds_made
from engine.spec import RenderSpec, Verb
from engine.understanding import Understanding
from engine.units import ClientId, JobId, RequestId, Seconds

SCHEMA_VERSION = 3
_SCHEMA = """
CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    client TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    engine TEXT NOT NULL,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    interruptions INTEGER NOT NULL,
    clips TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    finished INTEGER,
    UNIQUE (client, request_id)
);
CREATE INDEX jobs_by_state ON jobs (state, engine, sequence);
CREATE TABLE clients (name TEXT PRIMARY KEY, reply_to TEXT NOT NULL, role TEXT NOT NULL);
"""
_SINCE_2 = """
ALTER TABLE jobs ADD COLUMN verb TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN seconds REAL;
ALTER TABLE jobs ADD COLUMN short INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN overtaken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN took REAL NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN arrived REAL NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN ended REAL;
CREATE INDEX jobs_by_verb ON jobs (engine, verb, finished);
CREATE INDEX jobs_by_end ON jobs (finished);
"""
"""What the order, the time left and the age of a job are read from; `arrived` and `ended` are seconds since 1970."""
_SINCE_3 = "ALTER TABLE jobs ADD COLUMN understanding TEXT"
_PATHS = ("path", "temporary", "midi", "midi_temporary", "lrc", "lrc_temporary")
_PACE_SAMPLE = 9
"""So many of the latest jobs tell how fast an engine is."""


_UNDERSTANDING = TypeAdapter(Understanding)


class Store:
    """Jobs and known clients. Safe to call from any thread; raises Busy when the disk takes no more."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = _opened(path)

    def close(self) -> None:
        """Write everything back into the one file and let go of it."""
        with self._lock:
            self._connection.close()

    # jobs

    def add(self, job: Job) -> tuple[Job, bool]:
        """Keep a new job; the same client and request id again give the job that is there, and False."""
        with self._writing() as connection:
            there = self.find(job.origin.client, job.origin.request_id)
            if there:
                return there, False
            values = {
                "id": job.id,
                **_origin(job.origin),
                "engine": job.engine,
                "spec": job.spec.model_dump_json(exclude_unset=True),
                "arrived": time.time(),
                **_size(job.spec),
            }
            _insert(connection, "jobs", values | _changing(job))
        return job, True

    def save(self, job: Job) -> None:
        """Write a job's new state."""
        changing = _changing(job)
        assignments = ", ".join(f"{name} = :{name}" for name in changing)
        with self._writing() as connection:
            if job.state is JobState.RENDERING:
                _count_overtaking(connection, job.id)
            connection.execute(f"UPDATE jobs SET {assignments} WHERE id = :id", {"id": job.id, **changing})  # noqa: S608
            if job.state.is_final:
                connection.execute(
                    "UPDATE jobs SET ended = ?, finished = (SELECT COALESCE(MAX(finished), 0) + 1 FROM jobs)"
                    " WHERE id = ? AND finished IS NULL",
                    (time.time(), job.id),
                )
            if job.took:
                connection.execute("UPDATE jobs SET seconds = ? WHERE id = ?", (_seconds_done(job), job.id))

    def get(self, job_id: JobId) -> Job:
        """One job; raises NotFound."""
        for job in self._select("WHERE id = ?", job_id):
            return job
        raise NotFound(f"no job {job_id} is known here")

    def find(self, client: ClientId, request_id: RequestId) -> Job | None:
        """The job that a client's request became."""
        return next(self._select("WHERE client = ? AND request_id = ?", client, request_id), None)

    def waiting(self, engine: str) -> list[Waiting]:
        """An engine's queued jobs, in the order in which they are rendered."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, sequence, verb, seconds, short, overtaken FROM jobs"
                " WHERE state = ? AND engine = ? ORDER BY sequence",
                (JobState.QUEUED, engine),
            ).fetchall()
        return in_order(
            [
                Waiting(
                    row["id"], row["sequence"], Verb(row["verb"]), row["seconds"], bool(row["short"]), row["overtaken"]
                )
                for row in rows
            ]
        )

    def next_queued(self, engine: str) -> Job | None:
        """The job that an engine renders next."""
        return next((self.get(job.id) for job in self.waiting(engine)), None)

    def pace(self, engine: str, verb: Verb) -> float | None:
        """Seconds that an engine takes for a second of audio: the median of its latest jobs of a verb; None before the first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT took / seconds FROM jobs WHERE engine = ? AND verb = ? AND took > 0 AND seconds > 0"
                " ORDER BY finished DESC LIMIT ?",
                (engine, verb, _PACE_SAMPLE),
            ).fetchall()
        return median(row[0] for row in rows) if rows else None

    @property
    def revision(self) -> int:
        """A number that grows with every change of the tables."""
        with self._lock:
            return self._connection.total_changes

    def in_state(self, *states: JobState) -> list[Job]:
        """Jobs in order of arrival."""
        marks = ", ".join("?" * len(states))
        return list(self._select(f"WHERE state IN ({marks}) ORDER BY sequence", *states))

    def undelivered(self, client: ClientId | None = None) -> list[Job]:
        """Finished jobs whose client has not said that it has them, in the order in which they finished."""
        condition, values = ("AND client = ?", (client,)) if client else ("", ())
        return list(
            self._select(f"WHERE finished IS NOT NULL AND NOT delivered {condition} ORDER BY finished", *values)
        )

    def latest(self, count: int) -> list[Job]:
        """The newest jobs, oldest first."""
        return list(self._select("ORDER BY sequence DESC LIMIT ?", count))[::-1]

    def prune(self, before: float, most: int) -> int:
        """Drop delivered jobs that ended before a time (seconds since 1970) or are not among the last `most`; return how many.

        Rows only: no file is touched.
        """
        with self._writing() as connection:
            return connection.execute(
                "DELETE FROM jobs WHERE delivered AND finished IS NOT NULL AND (ended < ? OR finished <="
                " (SELECT finished FROM jobs WHERE delivered AND finished IS NOT NULL"
                " ORDER BY finished DESC LIMIT 1 OFFSET ?))",
                (before, most),
            ).rowcount

    # clients

    def remember(self, name: ClientId, reply_to: str, role: str) -> None:
        """Keep where a client that said hello is to be answered, and send what it has not received there."""
        with self._writing() as connection:
            connection.execute("DELETE FROM clients WHERE reply_to = ?", (reply_to,))
            connection.execute("INSERT OR REPLACE INTO clients VALUES (?, ?, ?)", (name, reply_to, role))
            connection.execute("UPDATE jobs SET reply_to = ? WHERE client = ? AND NOT delivered", (reply_to, name))

    def clients(self) -> list[tuple[ClientId, str, str]]:
        """Name, reply address and role of every client that said hello."""
        with self._lock:
            return list(self._connection.execute("SELECT name, reply_to, role FROM clients"))

    # SQLite

    def _select(self, condition: str, *values: object) -> Iterator[Job]:
        with self._lock:
            rows = self._connection.execute(f"SELECT * FROM jobs {condition}", values).fetchall()  # noqa: S608
        return map(_job, rows)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with self._connection:
                    yield self._connection
            except sqlite3.OperationalError as error:
                raise Busy(
                    f"the job table cannot be written ({error}): make room on the disk of the state folder"
                ) from error


def overview(path: Path, count: int) -> list[dict[str, Any]]:
    """The newest jobs of a table as its columns, oldest first, without a store: beside a running daemon or with none.

    Raises sqlite3.Error where the table cannot be read.
    """
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM jobs ORDER BY sequence DESC LIMIT ?", (count,)).fetchall()
    return [dict(row) for row in reversed(rows)]


def _insert(connection: sqlite3.Connection, table: str, values: dict[str, object]) -> None:
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)  # noqa: S608


def _count_overtaking(connection: sqlite3.Connection, job_id: JobId) -> None:
    """A queued job begins: if it is short, note that with the next long one, where that came earlier."""
    connection.execute(
        "UPDATE jobs SET overtaken = overtaken + 1 WHERE sequence = (SELECT MIN(long.sequence)"
        " FROM jobs AS begun JOIN jobs AS long ON long.state = begun.state AND long.engine = begun.engine"
        " AND long.sequence < begun.sequence WHERE begun.id = ? AND begun.state = ? AND begun.short AND NOT long.short)",
        (job_id, JobState.QUEUED),
    )


def _size(spec: RenderSpec) -> dict[str, object]:
    return {"verb": spec.verb, "seconds": seconds_asked(spec), "short": is_short(spec)}


def _origin(origin: Origin) -> dict[str, object]:
    return {"client": origin.client, "request_id": origin.request_id, "reply_to": origin.reply_to}


def _changing(job: Job) -> dict[str, object]:
    return {
        "state": job.state,
        "interruptions": job.interruptions,
        "clips": json.dumps([asdict(clip) for clip in job.clips], default=str),
        "understanding": job.understanding and json.dumps(asdict(job.understanding)),
        "code": job.code,
        "message": job.message,
        "delivered": job.delivered,
        "took": job.took,
    }


def _seconds_done(job: Job) -> Seconds:
    return job.understanding.measured.seconds if job.understanding else seconds_made(job.clips)


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        origin=Origin(row["client"], row["request_id"], row["reply_to"]),
        spec=RenderSpec.model_validate_json(row["spec"]),
        engine=row["engine"],
        state=JobState(row["state"]),
        interruptions=row["interruptions"],
        clips=tuple(_clip(values) for values in json.loads(row["clips"])),
        understanding=_UNDERSTANDING.validate_json(row["understanding"]) if row["understanding"] else None,
        code=row["code"],
        message=row["message"],
        delivered=bool(row["delivered"]),
        took=Seconds(row["took"]),
    )


def _clip(values: dict[str, Any]) -> ClipFile:
    paths = {name: Path(values[name]) for name in _PATHS if values.get(name)}
    return ClipFile(**values | paths)


def _opened(path: Path) -> sqlite3.Connection:
    try:
        return _connected(path)
    except sqlite3.OperationalError as error:
        raise CannotStart(
            f"the job table {path} cannot be opened ({error}): check the folder's permissions and free space"
        ) from error
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        logger.error(
            "The job table was damaged ({}): it was set aside as {} and a new one begun. No clip is lost.", error, aside
        )
        return _connected(path)


def _set_aside(path: Path) -> Path:
    """Rename a database and what belongs to it; nothing is deleted."""
    aside = path.with_name(f"{path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}{path.suffix}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new database; raises DatabaseError for a damaged one, CannotStart for one of the future."""
    state = connection.execute("PRAGMA quick_check").fetchone()[0]
    if state != "ok":
        raise sqlite3.DatabaseError(state)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise CannotStart(
            f"the job table {path} was written by a newer punchin (schema {version}): update punchin or choose another --state"
        )
    if version < SCHEMA_VERSION:
        with connection:
            connection.execute("BEGIN")
            for statement in ";".join((_SCHEMA, _SINCE_2, _SINCE_3)[version:]).split(";"):
                connection.execute(statement)
            if version < 2:
                _size_up(connection)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _size_up(connection: sqlite3.Connection) -> None:
    """Give the jobs of an older table what the order needs; their age counts from now."""
    for row in connection.execute("SELECT id, spec FROM jobs").fetchall():
        values = {"id": row["id"], "arrived": time.time(), **_size(RenderSpec.model_validate_json(row["spec"]))}
        connection.execute(
            "UPDATE jobs SET verb = :verb, seconds = :seconds, short = :short, arrived = :arrived WHERE id = :id",
            values,
        )
    connection.execute("UPDATE jobs SET ended = arrived WHERE finished IS NOT NULL")
