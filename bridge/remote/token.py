"""The token that whoever comes from another machine must carry: one file, for its owner's eyes alone."""

import os
import secrets
import stat
from pathlib import Path

from engine.errors import CannotStart

BYTES = 32
"""Of randomness; the text is longer."""
_LEAST_CHARACTERS = 43
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def token_file(state: Path) -> Path:
    """Where the token of a state folder is kept."""
    return state / "token"


def make(state: Path, *, new: bool = False) -> str:
    """The token of a state folder, made where there is none or a new one is asked for.

    Raises CannotStart where the file cannot be written, or is one that others may read.
    """
    there = None if new else read(state)
    if there:
        return there
    token = secrets.token_urlsafe(BYTES)
    try:
        state.mkdir(parents=True, exist_ok=True)
        _write(token_file(state), token)
    except OSError as error:
        raise CannotStart(f"{token_file(state)} cannot be written: {error.strerror}") from error
    return token


def read(state: Path) -> str | None:
    """The token, None where there is none; raises CannotStart for a file that others may read, or that holds no token."""
    path = token_file(state)
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            token = file.read(1024).decode("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{path} cannot be read: {error}") from error
    if os.name == "posix" and mode & _OTHERS:
        raise CannotStart(f"{path} can be read by others: `chmod 600` it, then make another with `punchin token --new`")
    if len(token) < _LEAST_CHARACTERS:
        raise CannotStart(f"{path} holds no token of {BYTES} bytes: make one with `punchin token --new`")
    return token


def required(state: Path, host: str) -> None:
    """Raise CannotStart where a daemon would listen on `host` without a token."""
    if read(state) is None:
        raise CannotStart(f"host {host} is reached from other machines, which needs a token: run `punchin token` first")


def matches(given: str | None, expected: str | None) -> bool:
    """Whether a token is the right one, in a time that tells nothing of it."""
    return bool(expected) and secrets.compare_digest((given or "").encode(), (expected or "").encode())


def _write(path: Path, token: str) -> None:
    """The mode holds from the first byte; Windows keeps what lies in a user's own folders from others."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
