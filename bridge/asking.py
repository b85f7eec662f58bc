"""The commands that ask a running daemon: jobs, cancel, pause, resume."""

import json as encoder
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from rich.console import Console
from rich.table import Table

from bridge.flags import Json
from bridge.osc.client import LISTEN_SLICE_SECONDS, Client
from bridge.place import Place
from bridge.protocol import messages as m
from bridge.protocol.messages import Message
from engine.jobs import JobState
from engine.pausing import PAUSED

ANSWER_SECONDS = 2.0
"""How long `punchin jobs` waits for what is left to each queued job; what did not come by then is not known."""


def jobs(*, place: Place = Place(), json: Json = False) -> int:
    """List the newest jobs; queued ones last, the next one first."""
    with place.connect() as client:
        say_if_paused(client)
        listed = [reply for reply in _up_to(client.asking("status"), m.StatusEnd) if isinstance(reply, m.JobListed)]
        queue = [job.job_id for job in listed if job.state == JobState.QUEUED]
        times = _times_left(client, queue) if queue else {}
    if json:
        print_json([_with_turn(job, queue, times) for job in listed])
        return 0
    table = Table("job", "verb", "state", "done", "stage", "prompt")
    for job in listed:
        stage = _turn(queue.index(job.job_id) + 1, times.get(job.job_id, -1.0)) if job.job_id in queue else job.stage
        table.add_row(job.job_id, job.verb, job.state, f"{job.fraction:.0%}", stage, job.prompt)
    Console().print(table if listed else "no jobs yet")
    return 0


def say_if_paused(client: Client) -> None:
    """Tell on stderr why nothing will render."""
    pong = client.ask("ping")
    if isinstance(pong, m.Pong) and pong.state:
        Console(stderr=True).print(pong.state, highlight=False, soft_wrap=True)


def _up_to(replies: Iterator[Message], last: type[Message]) -> Iterator[Message]:
    return takewhile(lambda reply: not isinstance(reply, last), replies)


def _times_left(client: Client, queue: Sequence[str]) -> dict[str, float]:
    """Seconds until each queued job is done, from the progress that a subscriber is sent at once."""
    times: dict[str, float] = {}
    client.ask("subscribe")
    deadline = time.monotonic() + ANSWER_SECONDS
    while (left := deadline - time.monotonic()) > 0 and not times.keys() >= set(queue):
        for reply in client.replies(min(left, LISTEN_SLICE_SECONDS)):
            if isinstance(reply, m.Progressed):
                times[reply.job_id] = reply.eta_seconds
    client.ask("unsubscribe")
    return times


def _with_turn(job: m.JobListed, queue: Sequence[str], times: Mapping[str, float]) -> dict[str, Any]:
    values = job.model_dump(mode="json")
    if job.job_id in queue:
        values |= {"position": queue.index(job.job_id) + 1, "eta_seconds": times.get(job.job_id, -1.0)}
    return values


def _turn(position: int, eta: float) -> str:
    """A queued job's place in words, as in `queued, 3rd, about 40 s`."""
    suffix = "th" if position % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"queued, {position}{suffix}" + (f", about {eta:.0f} s" if eta >= 0 else "")


def cancel(job: str, *, place: Place = Place(), json: Json = False) -> int:
    """Stop a job, named by its id."""
    with place.connect() as client:
        reply = client.ask("cancel", {"job": job})
    return _answered(reply, f"job {job} is being cancelled", {"job_id": job}, as_json=json)


def pause(*, place: Place = Place(), json: Json = False) -> int:
    """Stop rendering and free the engines' memory; jobs wait."""
    with place.connect() as client:
        reply = client.ask("pause")
    return _answered(reply, PAUSED, {}, as_json=json)


def resume(*, place: Place = Place(), json: Json = False) -> int:
    """Render the jobs that wait."""
    with place.connect() as client:
        reply = client.ask("resume")
    return _answered(reply, "rendering goes on", {}, as_json=json)


def _answered(reply: Message, done: str, about: Mapping[str, str], *, as_json: bool) -> int:
    """Tell whether a request was accepted."""
    accepted = isinstance(reply, m.Accepted)
    message = f"{reply.code}: {reply.message}" if isinstance(reply, m.Rejected) else done
    if as_json:
        print_json({"ok": accepted, **about, "message": message})
    else:
        Console(stderr=not accepted).print(message, highlight=False, soft_wrap=True)
    return 0 if accepted else 1


def print_json(value: Any) -> None:
    """One value, readable, on stdout."""
    sys.stdout.write(encoder.dumps(value, indent=2) + "\n")
