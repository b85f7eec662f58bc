"""A log of the script's own, beside the daemon's: Live's Log.txt is long, and shared with everything else."""

from __future__ import annotations

import logging
import logging.handlers
import os

NAME = "live.log"
_BYTES, _KEPT = 500000, 2


def opened(folder: str) -> logging.Logger:
    """A log in a folder that is made where it is missing; without one that can be written, what is told is lost here."""
    # of its own: the root logger belongs to all scripts of this Live
    log = logging.Logger("punchin")
    handler: logging.Handler = logging.NullHandler()
    try:
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, NAME)
        handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    except OSError:
        pass
    log.addHandler(handler)
    return log


def close(log: logging.Logger) -> None:
    """Let the file go."""
    for handler in log.handlers:
        handler.close()
