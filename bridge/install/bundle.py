"""`punchin support-bundle`: what a person who helps needs to know, in one zip; works with and without a daemon."""

import json as codec
import os
import platform
import re
import secrets
import sqlite3
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import psutil
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge import settings
from bridge.flags import Host, Json, Port, State
from bridge.install.doctor import examine
from bridge.install.redaction import REDACTED, Redaction
from engine.errors import InvalidSpec, PunchinError
from engine.files import free_name, move_into_place
from engine.store import overview

JOBS = 1000
"""The newest of the job table."""
LOG_BYTES = 2_000_000
"""The newest of the logs."""
_SECRET_SETTING = re.compile(r"token|password|secret|key", re.IGNORECASE)
_ABOUT_A_JOB = (
    *("id", "verb", "engine", "state", "code", "message", "interruptions", "delivered"),
    *("arrived", "ended", "seconds", "took", "short", "overtaken"),
)
_WORDS = ("prompt", "lyrics")

READ_ME = """\
A support bundle of punchin. Look through it before you send it to anybody.

versions.json   Python, punchin, the packages it uses, the system, processor and memory
settings.json   the settings in force, without secrets
doctor.json     what `punchin doctor` finds
jobs.json       the newest jobs: verb, state, how each ended, times in seconds since 1970; {words}
logs/           the end of the daemon's logs

Not in it: audio, the token, cookies of DAW projects. Home folders are written as ~ or (user). Names of files may stand
in messages and logs.
"""


def support_bundle(
    *,
    out: Annotated[Path | None, Parameter(help="the zip to make; default: a dated name in this folder")] = None,
    with_prompts: Annotated[bool, Parameter(negative="", help="put prompts and lyrics in as well")] = False,
    state: State = None,
    host: Host = None,
    port: Port = None,
    json: Json = False,
) -> int:
    """Collect versions, settings, logs, jobs and the doctor's findings in one zip. Nothing is sent anywhere."""
    path = (out or free_name(Path(f"punchin-support-{time.strftime('%Y%m%d-%H%M%S')}.zip"))).expanduser().absolute()
    contents = collected(settings.load(state=state, host=host, port=port), Path.home(), with_prompts=with_prompts)
    write(path, contents)
    sizes = {name: len(text.encode()) for name, text in contents.items()}
    if json:
        sys.stdout.write(codec.dumps({"path": str(path), "files": sizes}, indent=2) + "\n")
        return 0
    table = Table("file", "bytes")
    for name, size in sizes.items():
        table.add_row(name, str(size))
    console = Console()
    console.print(table)
    console.print(f"{path}\nLook through it before you send it.", highlight=False, soft_wrap=True)
    return 0


def collected(chosen: settings.Settings, home: Path, *, with_prompts: bool) -> dict[str, str]:
    """The bundle's files, name to text, with secrets, home folders and (unless asked for) words of songs taken out."""
    jobs, trouble = _jobs(chosen.state / "jobs.sqlite")
    general = Redaction(home, _secrets(chosen))
    # Words of a job are looked for only where sentences stand: `house` is a prompt, `draft` is one as well.
    careful = general if with_prompts else Redaction(home, [*_secrets(chosen), *_words(jobs)])
    shown = (*_ABOUT_A_JOB, *_WORDS) if with_prompts else _ABOUT_A_JOB
    table = [
        general.value({key: job[key] for key in shown if key in job}) | {"message": careful.text(job["message"])}
        for job in jobs
    ]
    structures: dict[str, Any] = {
        "versions.json": general.value(versions()),
        "settings.json": general.value(_settings(chosen)),
        "doctor.json": general.value([asdict(finding) for finding in examine(chosen)]),
        "jobs.json": {"trouble": trouble, "jobs": table} if trouble else table,
    }
    said = "with prompts and lyrics, as was asked for" if with_prompts else "no prompts, no lyrics"
    texts = {"README.txt": READ_ME.format(words=said)}
    for name, value in structures.items():
        texts[name] = codec.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return texts | {f"logs/{name}": careful.text(text) for name, text in _logs(chosen.state / "logs").items()}


def write(path: Path, contents: Mapping[str, str]) -> None:
    """Write the zip under its name once it is complete; raises InvalidSpec where the name is taken."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED) as bundle:
            for name, text in contents.items():
                bundle.writestr(name, text)
        move_into_place(temporary, path)
    except FileExistsError:
        raise InvalidSpec(f"{path} exists already and stays as it is: choose another name with --out") from None
    except OSError as error:
        raise PunchinError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def versions() -> dict[str, Any]:
    """The machine, and punchin with the packages that it and its engines need; None where one is not installed."""
    return {
        "punchin": _version("punchin"),
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: _version(name) for name in _needed()},
    }


def _needed() -> list[str]:
    """Names in punchin's own list, those for tests and development left out."""
    try:
        lines = metadata.requires("punchin") or []
    except metadata.PackageNotFoundError:
        return []
    named = (
        re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0]
        for line in lines
        if not re.search(r"'(test|dev)'|\"(test|dev)\"", line)
    )
    return sorted(set(named))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _settings(chosen: settings.Settings) -> dict[str, Any]:
    values = chosen.model_dump(mode="json")
    return {name: REDACTED if value and _SECRET_SETTING.search(name) else value for name, value in values.items()}


def _secrets(chosen: settings.Settings) -> list[str]:
    """Secrets that may stand in logs: those among the settings, and the token of the state folder."""
    found = [str(value) for name, value in chosen.model_dump().items() if value and _SECRET_SETTING.search(name)]
    with suppress(OSError, UnicodeDecodeError):
        found.append((chosen.state / "token").read_text("utf-8"))
    return found


def _jobs(path: Path) -> tuple[list[dict[str, Any]], str]:
    """The newest jobs with the keys of their specs beside the table's own; none, and why, where it cannot be read."""
    if not path.exists():
        return [], ""
    try:
        return [codec.loads(row["spec"]) | row for row in overview(path, JOBS)], ""
    except (sqlite3.Error, ValueError) as error:
        return [], f"the job table cannot be read: {error}"


def _words(jobs: list[dict[str, Any]]) -> Iterator[str]:
    """Prompts and lyrics, the latter also line by line."""
    for job in jobs:
        for key in _WORDS:
            yield job.get(key, "")
        yield from job.get("lyrics", "").splitlines()


def _logs(folder: Path) -> dict[str, str]:
    """The end of the logs, LOG_BYTES in all, cut at a line's beginning."""
    try:
        newest_first = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return {}
    texts: dict[str, str] = {}
    left = LOG_BYTES
    for path in newest_first:
        if left <= 0:
            break
        try:
            texts[path.name] = _end(path, left)
        except OSError as error:
            texts[path.name] = f"cannot be read: {error.strerror}\n"
        left -= len(texts[path.name].encode())
    return texts


def _end(path: Path, size: int) -> str:
    with path.open("rb") as file:
        skipped = max(file.seek(0, os.SEEK_END) - size, 0)
        file.seek(skipped)
        text = file.read(size).decode("utf-8", "replace")
    return text.partition("\n")[2] if skipped else text
