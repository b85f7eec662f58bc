"""The commands that speak with a running daemon: send, jobs, cancel, pause, resume."""

import inspect
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from json import dumps as encoded
from json import loads as decoded
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from bridge import settings
from bridge.flags import Host, Json, Port, State, Tcp, Token
from bridge.osc.client import LISTEN_SLICE_SECONDS, Client
from bridge.osc.loopback import EVERYWHERE, LOOPBACK, is_loopback
from bridge.protocol import messages as m
from bridge.protocol.messages import RENDER_ADDRESSES, TABLE, Message
from bridge.remote import carrying
from bridge.remote import token as tokens
from bridge.remote.client import TcpClient, own_name
from engine.errors import NoDaemon
from engine.jobs import JobState
from engine.pausing import PAUSED
from engine.spec import Verb

ANSWER_SECONDS = 2.0
"""How long `punchin jobs` waits for what is left to each queued job; what did not come by then is not known."""
_PATHS = ("source", "reference", "directory")
_TYPES: dict[str, Any] = {"s": str, "d": float, "i": int, "h": int, "T": bool}
_OWN = ("state", "host", "port", "token", "tcp", "json", "out")


@contextmanager
def connect(
    state: Path | None, host: str | None, port: int | None, token: str | None = None, *, tcp: bool = False
) -> Iterator[Client]:
    """A client of the daemon that flags, environment or the state folder name.

    Over UDP on this machine, over TCP with a token to another, or where `tcp` asks for it. Raises NoDaemon and Unauthorized.
    """
    chosen = settings.load(state=state, host=host, port=port)
    where = _place(chosen, host, port)
    if tcp or not is_loopback(where[0]):
        with own_name(chosen.state) as name, TcpClient(*where, name, token or tokens.read(chosen.state)) as client:
            yield client
    else:
        with Client(*where) as client:
            yield client


def _place(chosen: settings.Settings, host: str | None, port: int | None) -> tuple[str, int]:
    """Where the daemon is: on another machine at the port that is set, on this one where its address file says."""
    if port is None and (host is None or is_loopback(host)):
        try:
            running = decoded(chosen.address_file.read_text("utf-8"))
            return host or running["host"], running["port"]
        except (OSError, ValueError, KeyError):
            pass
    if not chosen.port:
        raise NoDaemon("port 0 names no daemon: give its port or its state folder")
    return LOOPBACK[0] if chosen.host in EVERYWHERE else chosen.host, chosen.port


def _send(verb: Verb, **flags: Any) -> int:
    state, host, port, token, tcp, as_json, out = (flags.pop(name, None) for name in _OWN)
    values = {key: value for key, value in flags.items() if value is not None}
    if out is not None:
        values["directory"] = out
    for key in _PATHS:
        if key in values:
            values[key] = str(Path(values[key]).expanduser().absolute())
    if "directory" in values:
        Path(values["directory"]).mkdir(parents=True, exist_ok=True)
    with connect(state, host, port, token, tcp=bool(tcp)) as client:
        _say_if_paused(client)
        if isinstance(client, TcpClient):
            folder = Path(values.pop("directory", None) or settings.load(state=state).state / "clips" / "remote")
            replies = carrying.render(client, verb, values, folder)
        else:
            replies = client.render(verb, values)
        return _as_json(replies) if as_json else _on_screen(replies)


def _with_a_flag_for_every_key(send: Callable[..., int]) -> Callable[..., int]:
    """Give a function that takes any keyword the signature that the command line reads, made from the message table."""
    keys = [argument for argument in TABLE[next(iter(RENDER_ADDRESSES))].keys if argument.name != "reply_port"]
    kinds = {
        "state": State,
        "host": Host,
        "port": Port,
        "token": Token,
        "tcp": Tcp,
        "out": _flag(Path, "folder for the clips; made when it is not there"),
    }
    kinds |= {argument.name: _flag(_TYPES[argument.tag], argument.meaning) for argument in keys}
    flags = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name == "tcp" else None, annotation=kind
        )
        for name, kind in kinds.items()
    ]
    flags.append(inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json))
    verb = inspect.Parameter("verb", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Verb)
    send.__signature__ = inspect.Signature([verb, *flags], return_annotation=int)  # type: ignore[attr-defined]
    send.__annotations__ = {parameter.name: parameter.annotation for parameter in (verb, *flags)}
    return send


def _flag(kind: Any, meaning: str) -> Any:
    return Annotated[kind | None, Parameter(help=meaning, allow_leading_hyphen=True, negative="")]


def _as_json(replies: Iterator[Message]) -> int:
    result: dict[str, Any] = {"ok": False, "clips": []}
    for reply in replies:
        match reply:
            case m.Accepted():
                result["job_id"] = reply.job_id
            case m.ClipReady():
                result["clips"].append(reply.model_dump(mode="json", exclude_none=True))
            case m.Done():
                result["ok"] = True
            case m.Rejected() | m.Failed():
                result |= {"code": reply.code, "message": reply.message}
            case m.Cancelled():
                result |= {"code": "cancelled", "message": "the job was cancelled"}
    _print_json(result)
    return 0 if result["ok"] else 1


def _on_screen(replies: Iterator[Message]) -> int:
    console = Console(stderr=True)
    clips: list[m.ClipReady] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("waiting", total=1.0, left="")
        for reply in replies:
            match reply:
                case m.Progressed():
                    left = f"{reply.eta_seconds:.0f} s left" if reply.eta_seconds >= 0 else ""
                    bar.update(task, description=reply.stage, completed=reply.fraction, left=left)
                case m.ClipReady():
                    clips.append(reply)
                case m.Rejected() | m.Failed():
                    console.print(f"[red]{reply.code}[/red]: {reply.message}", highlight=False, soft_wrap=True)
                    return 1
                case m.Cancelled():
                    console.print("cancelled")
                    return 1
    Console().print(_clip_table(clips))
    return 0


def _clip_table(clips: list[m.ClipReady]) -> Table:
    table = Table("take", "track", "start", "seconds", "peak dB", "LUFS", "engine", "file")
    for clip in clips:
        table.add_row(
            str(clip.take),
            clip.track,
            f"{clip.start:.3f}",
            f"{clip.frames / clip.sample_rate:.3f}",
            f"{clip.peak_db:.1f}",
            "silent" if clip.silent else f"{clip.lufs:.1f}",
            clip.engine,
            str(clip.path),
        )
    return table


def jobs(
    *,
    state: State = None,
    host: Host = None,
    port: Port = None,
    token: Token = None,
    tcp: Tcp = False,
    json: Json = False,
) -> int:
    """List the newest jobs; queued ones last, the next one first."""
    with connect(state, host, port, token, tcp=tcp) as client:
        _say_if_paused(client)
        listed = [reply for reply in _up_to(client.asking("status"), m.StatusEnd) if isinstance(reply, m.JobListed)]
        queue = [job.job_id for job in listed if job.state == JobState.QUEUED]
        times = _times_left(client, queue) if queue else {}
    if json:
        _print_json([_with_turn(job, queue, times) for job in listed])
        return 0
    table = Table("job", "verb", "state", "done", "stage", "prompt")
    for job in listed:
        stage = _turn(queue.index(job.job_id) + 1, times.get(job.job_id, -1.0)) if job.job_id in queue else job.stage
        table.add_row(job.job_id, job.verb, job.state, f"{job.fraction:.0%}", stage, job.prompt)
    Console().print(table if listed else "no jobs yet")
    return 0


def _say_if_paused(client: Client) -> None:
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


def cancel(
    job: str,
    *,
    state: State = None,
    host: Host = None,
    port: Port = None,
    token: Token = None,
    tcp: Tcp = False,
    json: Json = False,
) -> int:
    """Stop a job, named by its id."""
    with connect(state, host, port, token, tcp=tcp) as client:
        reply = client.ask("cancel", {"job": job})
    return _answered(reply, f"job {job} is being cancelled", {"job_id": job}, as_json=json)


def pause(
    *,
    state: State = None,
    host: Host = None,
    port: Port = None,
    token: Token = None,
    tcp: Tcp = False,
    json: Json = False,
) -> int:
    """Stop rendering and free the engines' memory; jobs wait."""
    with connect(state, host, port, token, tcp=tcp) as client:
        reply = client.ask("pause")
    return _answered(reply, PAUSED, {}, as_json=json)


def resume(
    *,
    state: State = None,
    host: Host = None,
    port: Port = None,
    token: Token = None,
    tcp: Tcp = False,
    json: Json = False,
) -> int:
    """Render the jobs that wait."""
    with connect(state, host, port, token, tcp=tcp) as client:
        reply = client.ask("resume")
    return _answered(reply, "rendering goes on", {}, as_json=json)


def _answered(reply: Message, done: str, about: Mapping[str, str], *, as_json: bool) -> int:
    """Tell whether a request was accepted."""
    accepted = isinstance(reply, m.Accepted)
    message = f"{reply.code}: {reply.message}" if isinstance(reply, m.Rejected) else done
    if as_json:
        _print_json({"ok": accepted, **about, "message": message})
    else:
        Console(stderr=not accepted).print(message, highlight=False, soft_wrap=True)
    return 0 if accepted else 1


def _print_json(value: Any) -> None:
    sys.stdout.write(encoded(value, indent=2) + "\n")


send = _with_a_flag_for_every_key(_send)
"""`punchin send <verb>`."""
