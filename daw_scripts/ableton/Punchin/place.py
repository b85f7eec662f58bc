"""Where the daemon is: what the installer wrote down, or the folder that it uses when nobody chose another."""

from __future__ import annotations

import json
import os
import sys
from typing import List, NamedTuple, Optional

CONFIG = "config.json"


class Place(NamedTuple):
    """The daemon's folder, and the command that starts it, empty where nobody wrote it down."""

    state: str
    command: List[str]


def load(folder: str) -> Place:
    """What `config.json` in the script's folder says, and what is usual for the rest."""
    try:
        with open(os.path.join(folder, CONFIG), encoding="utf-8") as file:
            written = json.load(file)
        return Place(str(written["state"]), [str(part) for part in written["daemon"]])
    except (OSError, ValueError, KeyError, TypeError):
        return Place(_usual_state(), [])


def port(state: str) -> Optional[int]:
    """The port of the daemon that runs, or None."""
    try:
        with open(os.path.join(state, "daemon.json"), encoding="utf-8") as file:
            return int(json.load(file)["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _usual_state() -> str:
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA", home), "punchin")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "punchin")
    return os.path.join(os.environ.get("XDG_STATE_HOME") or os.path.join(home, ".local", "state"), "punchin")
