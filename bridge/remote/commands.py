"""The commands for work over the network: token."""

import sys
from typing import Annotated

from cyclopts import Parameter

from bridge import settings
from bridge.flags import State
from bridge.remote import token as tokens


def token(
    *,
    state: State = None,
    new: Annotated[bool, Parameter(negative="", help="make another; the old one opens no connection any more")] = False,
) -> None:
    """Print the token that clients on other machines need, made where there is none yet."""
    sys.stdout.write(tokens.make(settings.load(state=state).state, new=new) + "\n")
