"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

State: TypeAlias = Annotated[Path | None, Parameter(help="folder that holds jobs, clips and logs")]
Host: TypeAlias = Annotated[str | None, Parameter(help="address of the daemon")]
Port: TypeAlias = Annotated[int | None, Parameter(help="OSC port; for serve, 0 takes a free one")]
Models: TypeAlias = Annotated[Path | None, Parameter(help="folder that holds the models of neural engines")]
Json: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="print one JSON object")]
