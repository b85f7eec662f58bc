"""Whether rendering is paused: a file in the state folder, so that it holds over restarts and anybody can look."""

from pathlib import Path

from engine.errors import Busy

PAUSED = "rendering is paused, jobs wait: `punchin resume` goes on"
_MARK = "paused"


def is_paused(state: Path) -> bool:
    """Whether the state folder says so."""
    return (state / _MARK).exists()


def pause(state: Path) -> None:
    """Write down that rendering is paused; raises Busy where the folder cannot be written."""
    try:
        (state / _MARK).touch()
    except OSError as error:
        raise Busy(f"{state / _MARK} cannot be written: {error.strerror}") from error


def resume(state: Path) -> None:
    """Write down that rendering goes on; raises Busy where the folder cannot be written."""
    try:
        (state / _MARK).unlink(missing_ok=True)
    except OSError as error:
        raise Busy(f"{state / _MARK} cannot be removed: {error.strerror}") from error
