"""The commands that speak with a running daemon: send, jobs, cancel."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from bridge.osc.client import Client
from bridge.osc.loopback import EVERYWHERE, LOOPBACK, is_loopback
from bridge.protocol import messages as m
from bridge.protocol.messages import RENDER_ADDRESSES, TABLE, Message
from bridge.remote import carrying
from bridge.remote import token as tokens
from bridge.remote.client import TcpClient, own_name
from engine.errors import NoDaemon
from engine.spec import Verb

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
    """List the newest jobs."""
    listed: list[m.JobListed] = []
    with connect(state, host, port, token, tcp=tcp) as client:
        for reply in client.asking("status"):
            if isinstance(reply, m.StatusEnd):
                break
            if isinstance(reply, m.JobListed):
                listed.append(reply)
    if json:
        _print_json([job.model_dump(mode="json") for job in listed])
        return 0
    table = Table("job", "verb", "state", "done", "stage", "prompt")
    for job in listed:
        table.add_row(job.job_id, job.verb, job.state, f"{job.fraction:.0%}", job.stage, job.prompt)
    Console().print(table if listed else "no jobs yet")
    return 0


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
    accepted = isinstance(reply, m.Accepted)
    message = f"{reply.code}: {reply.message}" if isinstance(reply, m.Rejected) else f"job {job} is being cancelled"
    if json:
        _print_json({"ok": accepted, "job_id": job, "message": message})
    else:
        Console(stderr=not accepted).print(message, highlight=False, soft_wrap=True)
    return 0 if accepted else 1


def _print_json(value: Any) -> None:
    sys.stdout.write(encoded(value, indent=2) + "\n")


send = _with_a_flag_for_every_key(_send)
"""`punchin send <verb>`."""
