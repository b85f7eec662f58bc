"""The commands about models: list, pull, verify, remove, path, make-tiny."""

import sys
from dataclasses import asdict
from json import dumps as encoded
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from bridge import settings
from bridge.flags import Json, Models
from engine.backends.acestep import pull as pulling
from engine.backends.acestep import shelf
from engine.backends.acestep.catalogue import BY_NAME, FIRST
from engine.backends.acestep.pull import Source
from engine.backends.acestep.record import Record, problems
from engine.errors import InvalidSpec, NoModel
from engine.spec import Verb

_Name = Annotated[str, Parameter(help="name of a model, as `punchin models list` shows it")]
COLOURS = {"present": "green", "partial": "yellow", "damaged": "red", "missing": "dim"}


def listing(*, models: Models = None, json: Json = False) -> int:
    """List the models, and which of them are here."""
    folder = settings.load(models=models).models
    found = shelf.listed(folder)
    if json:
        _print_json({"folder": str(folder), "models": [asdict(model) for model in found]})
        return 0
    table = Table(caption=f"in {folder}", caption_justify="left")
    for heading in ("name", "state", "size", "can"):
        table.add_column(heading, no_wrap=heading == "name")
    for model in found:
        release = BY_NAME.get(model.name)
        verbs = _can(release.traits.verbs) if release and release.kind == "dit" else ""
        about = "about " if model.state == "missing" else ""
        colour = COLOURS[model.state]
        table.add_row(model.name, f"[{colour}]{model.state}[/{colour}]", f"{about}{gigabytes(model.size)}", verbs)
    Console().print(table)
    return 0


def _can(verbs: frozenset[Verb]) -> str:
    missing = sorted(frozenset(Verb) - {Verb.UNDERSTAND} - verbs)
    return f"all but {', '.join(missing)}" if missing else "everything"


def pull(
    name: _Name = FIRST,
    *,
    to: Annotated[Path | None, Parameter(help="folder on another disk; it is looked in from then on")] = None,
    source: Annotated[Source, Parameter(help="where to download from")] = "huggingface",
    models: Models = None,
    json: Json = False,
) -> int:
    """Download a model, with what it needs, or what is missing of it."""
    home = settings.load(models=models).models
    folder = to.expanduser().absolute() if to else home
    fetched = []
    for release in pulling.needed(name):
        if release.name != name and shelf.state_of(folder / release.name, release) == "present":
            continue
        fetched.append(str(_pull_with_a_bar(release, folder, source, quiet=json)))
    if to:
        shelf.remember(folder, home)
    if json:
        _print_json({"ok": True, "folders": fetched})
    else:
        Console().print(f"{name} is in {folder / name}", highlight=False, soft_wrap=True)
    return 0


def _pull_with_a_bar(release: Any, folder: Path, source: Source, *, quiet: bool) -> Path:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(release.name, total=release.bytes)

        def progress(done: int, total: int, file: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{release.name}: {file}")

        return pulling.pull(release, folder, progress, source)


def verify(name: _Name = "", *, models: Models = None, json: Json = False) -> int:
    """Read every file of a model, or of all that were downloaded, and compare it with what was published."""
    folders = shelf.folders(settings.load(models=models).models)
    found: dict[str, list[str]] = {}
    for folder in folders:
        for place in sorted(folder.iterdir()) if folder.is_dir() else ():
            record = Record.read(place) if name in {"", place.name} and place.is_dir() else None
            if record is not None:
                found[place.name] = _verified(place, record, quiet=json)
    if name and name not in found:
        raise NoModel(f"{name} was not downloaded by punchin: there is nothing to hold it against")
    if json:
        _print_json({"ok": not any(found.values()), "problems": found})
    for model, wrong in {} if json else found.items():
        Console().print(
            f"{model}: {'as published' if not wrong else '; '.join(wrong)}", highlight=False, soft_wrap=True
        )
    return 1 if any(found.values()) else 0


def _verified(folder: Path, record: Record, *, quiet: bool) -> list[str]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task(folder.name, total=record.bytes)
        return problems(folder, record, lambda read: bar.advance(task, read))


def remove(name: _Name, *, models: Models = None) -> int:
    """Remove a model that was downloaded; files of your own beside it stay."""
    folder = shelf.remove(name, settings.load(models=models).models)
    Console().print(f"{folder} is removed", highlight=False, soft_wrap=True)
    return 0


def path(name: _Name = "", *, models: Models = None) -> int:
    """Say where a model is, or the folder of all."""
    folder = settings.load(models=models).models
    sys.stdout.write(f"{shelf.folder_of(name, folder) if name else folder}\n")
    return 0


def make_tiny(
    folder: Annotated[Path, Parameter(help="what the release calls `checkpoints`; made when it is not there")],
    *,
    variant: Literal["turbo", "base", "sft"] = "turbo",
    xl: Annotated[bool, Parameter(negative="", help="with the structure of the XL models")] = False,
    size: Literal["tiny", "mid"] = "tiny",
    planner: Annotated[bool, Parameter(negative="", help="with a language model that plans, beside it")] = False,
    seed: int = 0,
) -> int:
    """Make a small model with RANDOM weights, in the layout of the release. What it renders is noise, not music."""
    made = folder.expanduser().absolute() / f"acestep-v15-{'xl-' if xl else ''}{variant}"
    if made.exists():
        raise InvalidSpec(f"{made} is there already")
    try:
        from engine.backends.acestep.tiny import make_tiny as make  # noqa: PLC0415  it needs torch
    except ImportError as error:
        raise NoModel(f"this needs {error.name}: pip install 'punchin[ace]'") from None
    make(made.parent, variant=variant, xl=xl, size=size, seed=seed, planner=planner)
    Console().print(f"random weights, for tests and trials: {made}", highlight=False, soft_wrap=True)
    return 0


def gigabytes(size: int) -> str:
    """A size in bytes as people say it."""
    return f"{size / 1e9:.1f} GB" if size >= 50_000_000 else f"{size / 1e6:.1f} MB"


def _print_json(value: Any) -> None:
    sys.stdout.write(encoded(value, indent=2) + "\n")
