"""The commands for work over the network: token, discover."""

import sys
from json import dumps as encoded
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from bridge import settings
from bridge.flags import Json, State
from bridge.remote import discovery
from bridge.remote import token as tokens


def token(
    *,
    state: State = None,
    new: Annotated[bool, Parameter(negative="", help="make another; the old one opens no connection any more")] = False,
) -> None:
    """Print the token that clients on other machines need, made where there is none yet."""
    sys.stdout.write(tokens.make(settings.load(state=state).state, new=new) + "\n")


def discover(
    *, seconds: Annotated[float, Parameter(help="how long to listen for answers")] = 3.0, json: Json = False
) -> int:
    """List the daemons on the local network."""
    found = discovery.found(seconds)
    if json:
        sys.stdout.write(encoded([daemon._asdict() for daemon in found], indent=2) + "\n")
        return 0
    table = Table("name", "host", "port", "version")
    for daemon in found:
        table.add_row(daemon.name, daemon.host, str(daemon.port), daemon.version)
    Console().print(table if found else "no daemon answers on this network")
    return 0
