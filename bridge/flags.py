"""Flags that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

State: TypeAlias = Annotated[Path | None, Parameter(help="folder that holds jobs, clips and logs")]
Host: TypeAlias = Annotated[str | None, Parameter(help="address of the daemon")]
Port: TypeAlias = Annotated[int | None, Parameter(help="OSC port; for serve, 0 takes a free one")]
Token: TypeAlias = Annotated[
    str | None,
    Parameter(
        env_var="PUNCHIN_TOKEN", help="of a daemon on another machine; default: the file token of the state folder"
    ),
]
Tcp: TypeAlias = Annotated[
    bool, Parameter(negative="", help="send files along, as to another machine: for a daemon behind a tunnel")
]
Models: TypeAlias = Annotated[Path | None, Parameter(help="folder that holds the models of neural engines")]
Json: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="print one JSON object")]
