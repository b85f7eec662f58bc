"""What was downloaded: one `punchin.json` in each folder, against which it can be verified."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from engine.backends.acestep.guard import is_inside, read_json
from engine.errors import BadModel

RECORD = "punchin.json"
UNFINISHED = ".unfinished"
"""Folder in which files lie until they have arrived in full and been held against the record."""
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Content:
    """What a file must hold."""

    bytes: int
    sha256: str = ""
    """Empty until it is known: hubs publish it for large files only."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a folder comes from, and its files by their path in it."""

    name: str
    repo: str
    source: str
    """The hub: huggingface or modelscope."""
    revision: str
    """The commit that was resolved when the pull began."""
    files: Mapping[str, Content]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The record in a folder; None when nothing was pulled into it. Raises BadModel for one that is not a record."""
        path = folder / RECORD
        if not path.is_file():
            return None
        content = read_json(path)
        try:
            files = {name: Content(int(of["bytes"]), str(of["sha256"])) for name, of in content.pop("files").items()}
            record = cls(**{key: str(value) for key, value in content.items()}, files=files)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadModel(f"{path} is no record of a download") from None
        outside = [name for name in files if not is_inside(name)]
        if outside:
            raise BadModel(f"{path} names a file outside its folder: {outside[0]!r}")
        return record

    def write(self, folder: Path) -> None:
        """Put the record into its folder, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            "name": self.name,
            "repo": self.repo,
            "source": self.source,
            "revision": self.revision,
            "files": {name: {"bytes": of.bytes, "sha256": of.sha256} for name, of in sorted(self.files.items())},
        }
        temporary = folder / f"{RECORD}.part"
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / RECORD)

    def with_hash(self, name: str, sha256: str) -> Self:
        """The same with the hash of one file known."""
        return replace(self, files={**self.files, name: replace(self.files[name], sha256=sha256)})

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(content.bytes for content in self.files.values())


def sha256_of(path: Path, report: Callable[[int], None] = lambda _: None) -> str:
    """Hash of a file; `report` gets the bytes of each block that is read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            report(len(block))
    return digest.hexdigest()


def problems(folder: Path, record: Record, report: Callable[[int], None] = lambda _: None) -> list[str]:
    """Read every file of a record and say what is wrong, a line a file; empty when all is as it was published."""
    found = []
    for name, wanted in record.files.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != wanted.bytes:
            found.append(f"{name} has {path.stat().st_size} bytes instead of {wanted.bytes}")
        elif not wanted.sha256:
            found.append(f"{name} was not downloaded to its end")
        elif sha256_of(path, report) != wanted.sha256:
            found.append(f"{name} is damaged: its sha256 is not {wanted.sha256}")
    return found
