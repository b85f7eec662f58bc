"""`punchin send`: one request, its progress and its clips, or what was heard."""

import inspect
import json as decoder
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from bridge import settings
from bridge.asking import print_json, say_if_paused
from bridge.flags import Host, Json, Port, State, Tcp, Token
from bridge.place import Place
from bridge.protocol import messages as m
from bridge.protocol.messages import Message
from bridge.protocol.table import RENDER_ADDRESSES, TABLE
from bridge.remote import carrying
from bridge.remote.client import TcpClient
from engine.spec import Verb

_LISTS = ("chords", "tempo_map")
"""Keys of a description that carry JSON."""
_PATHS = ("source", "reference", "directory")
_TYPES: dict[str, Any] = {"s": str, "d": float, "i": int, "h": int, "T": bool}
_PLACE = {"state": State, "host": Host, "port": Port, "token": Token, "tcp": Tcp}


def _send(verb: Verb, **flags: Any) -> int:
    as_json, out = flags.pop("json", False), flags.pop("out", None)
    place = Place(**{key: flags.pop(key) for key in _PLACE if key in flags})
    values = {key: value for key, value in flags.items() if value is not None}
    if out is not None:
        values["directory"] = out
    for key in _PATHS:
        if key in values:
            values[key] = str(Path(values[key]).expanduser().absolute())
    if "directory" in values:
        Path(values["directory"]).mkdir(parents=True, exist_ok=True)
    with place.connect() as client:
        say_if_paused(client)
        if isinstance(client, TcpClient):
            folder = Path(values.pop("directory", None) or settings.load(state=place.state).state / "clips" / "remote")
            replies = carrying.render(client, verb, values, folder)
        else:
            replies = client.render(verb, values)
        return _as_json(replies) if as_json else _on_screen(replies)


def _with_a_flag_for_every_key(send: Callable[..., int]) -> Callable[..., int]:
    """Give a function that takes any keyword the signature that the command line reads, made from the message table."""
    keys = [argument for argument in TABLE[next(iter(RENDER_ADDRESSES))].keys if argument.name != "reply_port"]
    kinds = _PLACE | {"out": _flag(Path, "folder for the clips; made when it is not there")}
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
            case m.Described():
                result["description"] = _description(reply)
            case m.Done():
                result["ok"] = True
            case m.Rejected() | m.Failed():
                result |= {"code": reply.code, "message": reply.message}
            case m.Cancelled():
                result |= {"code": "cancelled", "message": "the job was cancelled"}
    print_json(result)
    return 0 if result["ok"] else 1


def _on_screen(replies: Iterator[Message]) -> int:
    console = Console(stderr=True)
    clips: list[m.ClipReady] = []
    described: m.Described | None = None
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
                case m.Described():
                    described = reply
                case m.Rejected() | m.Failed():
                    console.print(f"[red]{reply.code}[/red]: {reply.message}", highlight=False, soft_wrap=True)
                    return 1
                case m.Cancelled():
                    console.print("cancelled")
                    return 1
    if described:
        Console().print(_description_table(described))
    else:
        _print_clips(clips)
    return 0


def _description(reply: m.Described) -> dict[str, Any]:
    """The keys that came, with lists in place of their JSON."""
    values = reply.model_dump(mode="json", exclude_none=True, exclude={"job_id"})
    return {key: decoder.loads(value) if key in _LISTS else value for key, value in values.items()}


def _description_table(reply: m.Described) -> Table:
    table = Table("what", Column("heard", overflow="fold"))
    for key, value in _description(reply).items():
        if value != "":
            table.add_row(key.replace("_", " "), _shown(key, value))
    return table


def _shown(key: str, value: Any) -> str:
    if key == "chords":
        return " ".join(name for _, name in value) or "none that are clear"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _print_clips(clips: list[m.ClipReady]) -> None:
    """A row a clip, then what holds for all: who made them, where they are, what to know of how they were made."""
    console = Console()
    console.print(_clip_table(clips))
    if not clips:
        return
    folder, beside = (
        clips[0].path.parent,
        ", their notes beside them (.mid)" if any(clip.midi for clip in clips) else "",
    )
    console.print(f"made by {clips[0].engine}, in {folder}{beside}", highlight=False, soft_wrap=True)
    for note in dict.fromkeys(clip.note for clip in clips if clip.note):
        console.print(note, highlight=False, soft_wrap=True)


def _clip_table(clips: list[m.ClipReady]) -> Table:
    table = Table("take", "track", "start", "seconds", "peak dB", "LUFS", Column("file", overflow="fold"))
    for clip in clips:
        table.add_row(
            str(clip.take),
            clip.track,
            f"{clip.start:.3f}",
            f"{clip.frames / clip.sample_rate:.3f}",
            f"{clip.peak_db:.1f}",
            "silent" if clip.silent else f"{clip.lufs:.1f}",
            clip.path.name,
        )
    return table


send = _with_a_flag_for_every_key(_send)
"""`punchin send <verb>`."""
