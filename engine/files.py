"""How clips come to be on disk: written under a temporary name, moved to the final one, never over anything."""

import contextlib
import errno
import os
from pathlib import Path

from loguru import logger

from engine.units import JobId

NO_ROOM = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}
"""What the system says when a disk, a quota or a file is full."""
_PREFIX = ".punchin-"


def temporary_path(directory: Path, job_id: JobId, number: int) -> Path:
    """Where a clip is written first: in its final folder, so that the move is atomic."""
    return directory / f"{_PREFIX}{job_id}-{number:03d}.part"


def temporary_midi_path(directory: Path, job_id: JobId, number: int) -> Path:
    """The same for the MIDI file of a clip."""
    return directory / f"{_PREFIX}{job_id}-{number:03d}-midi.part"


def temporary_lrc_path(directory: Path, job_id: JobId, number: int) -> Path:
    """The same for the file of a clip's lyrics."""
    return directory / f"{_PREFIX}{job_id}-{number:03d}-lrc.part"


def remove_temporaries(directory: Path, job_id: JobId) -> None:
    """Remove what a stopped or dead worker left of a job."""
    for path in directory.glob(f"{_PREFIX}{job_id}-*.part"):
        try:
            path.unlink()
        except OSError as error:
            logger.warning("{} could not be removed: {}", path, error)


def free_name(path: Path) -> Path:
    """`path`, or the first of `stem-2`, `stem-3`, … that does not exist."""
    free, number = path, 1
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def move_into_place(temporary: Path, final: Path) -> None:
    """Give a finished file its final name; raises FileExistsError instead of writing over anything."""
    try:
        os.link(temporary, final)
    except FileExistsError:
        raise
    except OSError:
        _move_without_links(temporary, final)
    else:
        temporary.unlink()
    _sync_folder(final.parent)


def _move_without_links(temporary: Path, final: Path) -> None:
    """On FAT and some network drives: an empty file of our own holds the name until it is replaced."""
    final.touch(exist_ok=False)
    try:
        temporary.replace(final)
    except OSError:
        final.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Put the new name itself on disk; Windows does so by itself and cannot open folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # network drives refuse to sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
