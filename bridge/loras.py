"""The commands about adapters: list, path."""

import sys
from dataclasses import asdict
from json import dumps as encoded
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge import settings
from bridge.flags import Json, Models
from bridge.models import COLOURS, gigabytes
from engine.backends.acestep import loras


def listing(*, models: Models = None, json: Json = False) -> int:
    """List the adapters that are here."""
    home = settings.load(models=models).models
    found = loras.listed(home)
    if json:
        told = {"folder": str(home / loras.FOLDER), "loras": [asdict(model) for model in found]}
        sys.stdout.write(encoded(told, indent=2) + "\n")
        return 0
    table = Table(caption=f"in {home / loras.FOLDER}", caption_justify="left")
    for heading in ("name", "state", "size"):
        table.add_column(heading, no_wrap=heading == "name")
    for model in found:
        colour = COLOURS[model.state]
        table.add_row(model.name, f"[{colour}]{model.state}[/{colour}]", gigabytes(model.size))
    Console().print(table)
    return 0


def path(
    name: Annotated[str, Parameter(help="name of an adapter, as `punchin loras list` shows it")] = "",
    *,
    models: Models = None,
) -> int:
    """Say where an adapter is, or the folder to put them into."""
    home = settings.load(models=models).models
    sys.stdout.write(f"{loras.place_of(name, home).weights if name else home / loras.FOLDER}\n")
    return 0
