"""The commands about presets: list, show, check, new."""

import sys
from dataclasses import asdict
from json import dumps as encoded
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge import settings
from bridge.flags import Json, State
from bridge.presets import VERBS, files, presets, read
from bridge.shipped import shipped
from engine.errors import InvalidSpec, NotFound
from engine.spec import Verb

_TEMPLATE = """\
version = 1
description = "What it makes, in one line"
verb = "{verb}"

# Keys of a request, as docs/osc.md lists them. What the request says itself wins.
[values]
prompt = ""
takes = 1
"""


def listing(
    *,
    verb: Annotated[Verb | None, Parameter(help="only those of one verb")] = None,
    state: State = None,
    json: Json = False,
) -> int:
    """List the presets, yours and those that come with punchin."""
    own = _own(state)
    found = [preset for _, preset in sorted(presets(own).items()) if verb in (None, preset.verb)]
    origin = {preset.name: "yours" if _file(own, preset.name) else "punchin" for preset in found}
    if json:
        told = [asdict(preset) | {"origin": origin[preset.name]} for preset in found]
        sys.stdout.write(encoded(told, indent=2, ensure_ascii=False) + "\n")
        return 0
    table = Table("name", "verb", "description", "from", caption=f"yours are in {own}", caption_justify="left")
    for preset in found:
        table.add_row(preset.name, preset.verb, preset.description, origin[preset.name])
    Console().print(table)
    return 0


def show(name: Annotated[str, Parameter(help="name of a preset")], *, state: State = None) -> int:
    """Print the file of a preset, and where it is."""
    path = _existing(name, _own(state))
    sys.stdout.write(f"# {path}\n{path.read_text('utf-8-sig')}")
    return 0


def check(
    *paths: Annotated[Path, Parameter(help="files of presets; default: all, yours and those of punchin")],
    state: State = None,
) -> int:
    """Say of each preset whether it is legal; exit code 1 where one is not."""
    faults = 0
    looked_at = list(paths) or files(_own(state))
    for path in looked_at:
        try:
            read(path)
        except (InvalidSpec, NotFound) as error:
            faults += 1
            Console(stderr=True).print(f"[red]{path.stem}[/red]: {error} ({path})", highlight=False, soft_wrap=True)
    Console().print(f"{len(looked_at) - faults} of {len(looked_at)} presets are legal", highlight=False)
    return 1 if faults else 0


def new(
    name: Annotated[str, Parameter(help="name of the preset; that of one of punchin's takes its place")],
    *,
    verb: Annotated[Verb, Parameter(help="what it renders")] = Verb.REPAINT,
    like: Annotated[str | None, Parameter(help="name of a preset to begin with")] = None,
    state: State = None,
) -> int:
    """Begin a preset of your own, and say where its file is; a running daemon sees it at once."""
    own = _own(state)
    path = own / f"{name}.toml"
    if not name.strip() or name.startswith(".") or set(name) & set('/\\:*?"<>|'):
        raise InvalidSpec(f"name: {name!r} is no name for a file")
    if path.exists():
        raise InvalidSpec(f"name: {path} is there already")
    if verb not in VERBS:
        raise InvalidSpec(f"verb: must be one of {', '.join(VERBS)}, {verb} came")
    text = _existing(like, own).read_text("utf-8-sig") if like else _TEMPLATE.format(verb=verb)
    own.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    sys.stdout.write(f"{path}\n")
    return 0


def _own(state: Path | None) -> Path:
    return settings.load(state=state).state / "presets"


def _file(folder: Path, name: str) -> Path | None:
    return next((path for path in folder.glob("*.toml") if path.stem == name), None)


def _existing(name: str, own: Path) -> Path:
    path = _file(own, name) or _file(shipped("presets"), name)
    if path is None:
        raise NotFound(f"there is no preset {name!r}; `punchin presets list` shows all")
    return path
