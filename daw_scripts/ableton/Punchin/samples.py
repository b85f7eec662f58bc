"""Where clips are written: beside the Set, so that it stays whole when it is moved, or where they stay without one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .refused import Refused

if TYPE_CHECKING:
    from Live.Song import Song

NAME = "Punchin"
_OF_A_PROJECT = "Ableton Project Info"
_DEEP = 5


def folder(song: Song, script: str) -> str:
    """A folder that exists: `Samples/Punchin` of the Set's project, of the User Library while the Set was never saved.

    `script` is the script's own folder, which lies in the User Library. Raises Refused where it cannot be made.
    """
    saved = set_path(song)
    home = _project(saved) if saved else os.path.dirname(os.path.dirname(os.path.abspath(script)))
    path = os.path.join(home, "Samples", NAME)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise Refused("%s cannot be made for the clips: %s." % (path, error.strerror or error)) from None
    return path


def set_path(song: Song) -> str:
    """Where the Set is saved; empty for a new one, and for all of them before 11.3.25."""
    return str(getattr(song, "file_path", ""))


def _project(saved: str) -> str:
    """The folder of the project that a Set belongs to: the Set may lie deeper in it."""
    beside = place = os.path.dirname(saved)
    for _ in range(_DEEP):
        if os.path.isdir(os.path.join(place, _OF_A_PROJECT)):
            return place
        place = os.path.dirname(place)
    return beside
