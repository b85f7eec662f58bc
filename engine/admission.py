"""What is checked before a job exists, without opening any file: a request that cannot work is refused at once."""

import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from engine import transcription
from engine.backends.base import Description
from engine.backends.registry import chosen
from engine.errors import InvalidSpec, NotFound
from engine.spec import MAX_TAKES, RANDOM_SEED, RenderSpec


def admitted(spec: RenderSpec, engines: Mapping[str, Description]) -> tuple[RenderSpec, Description]:
    """The spec with engine and seed settled, so that a retry renders the same; raises what a `rejected` says."""
    for key in ("source", "reference"):
        path = getattr(spec, key)
        if path is not None:
            _require_file(key, path)
    if spec.directory is not None:
        _require_folder(spec.directory)
    if transcription.is_wanted(spec):
        transcription.require(spec)
    engine = chosen(spec, engines)
    settled: dict[str, object] = {"engine": engine.name}
    if spec.seed == RANDOM_SEED:
        # Takes count seeds up: multiples keep two jobs from sharing one.
        settled["seed"] = secrets.randbelow(2**32 // MAX_TAKES) * MAX_TAKES
    return spec.model_copy(update=settled), engine


def _require_file(key: str, path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        what = "a link to a file that is not there" if path.is_symlink() else "not there"
        raise NotFound(f"{key}: {path} is {what}") from None
    except OSError as error:
        raise InvalidSpec(f"{key}: {path} cannot be read: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise InvalidSpec(f"{key}: {path} is a folder; an audio file is needed")
    if not stat.S_ISREG(mode):
        raise InvalidSpec(f"{key}: {path} is a device, pipe or socket; an audio file is needed")
    if not os.access(path, os.R_OK):
        raise InvalidSpec(f"{key}: {path} cannot be read: permission denied")


def _require_folder(path: Path) -> None:
    if not path.is_dir():
        raise NotFound(f"directory: there is no folder {path}; make it first")
    if not os.access(path, os.W_OK | os.X_OK):
        raise InvalidSpec(f"directory: {path} cannot be written: permission denied")
