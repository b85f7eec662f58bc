"""What has to be known of a request when its result comes, also in a later Live: one small file each.

The daemon gives back a cookie of 1024 characters at most; warp maps are longer.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from typing import Any, Dict, Optional

_PREFIX = "live:"
Note = Dict[str, Any]


class Notes:
    """The notes in a folder, which is made when the first is written."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def write(self, note: Note) -> str:
        """Keep a note; the cookie that finds it again. Raises OSError."""
        name = uuid.uuid4().hex
        os.makedirs(self._folder, exist_ok=True)
        path = self._path(name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(note, file)
        os.replace(path + ".new", path)
        return _PREFIX + name

    def read(self, cookie: str) -> Optional[Note]:
        """The note, or None where there is none."""
        name = self._name(cookie)
        try:
            with open(self._path(name), encoding="utf-8") as file:
                note = json.load(file)
        except (OSError, ValueError):
            return None
        return note if isinstance(note, dict) else None

    def drop(self, cookie: str) -> None:
        """Forget a note."""
        try:
            os.remove(self._path(self._name(cookie)))
        except OSError:
            pass

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name + ".json")

    @staticmethod
    def _name(cookie: str) -> str:
        # a cookie comes over the wire: nothing but hexadecimal digits becomes part of a path
        name = cookie[len(_PREFIX) :] if cookie.startswith(_PREFIX) else ""
        return name if re.match("[0-9a-f]{32}$", name) else "none"
