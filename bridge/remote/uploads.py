"""Files that clients brought: kept by client and by content, until nobody has used them for a while.

A file grows as `<SHA-256>.part` and gets the name `<SHA-256>` once its bytes have that hash. No name of a client ever
becomes part of a path.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.protocol.messages import Put
from engine import files
from engine.errors import Busy, InvalidSpec, NotFound, TooLarge
from engine.units import ClientId

_MIB = 1024 * 1024
_PART = ".part"
_OPEN = 64
"""Uploads whose hash is remembered; any other is read again when it goes on."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept. Sizes in bytes."""

    upload: int = 2048 * _MIB
    client: int = 8192 * _MIB
    count: int = 256
    """Files of one client."""
    clients: int = 32
    days: float = 14.0
    """A file that no request has used for so long is removed."""
    free: int = 512 * _MIB
    """What is left free on the disk."""


@dataclass(slots=True)
class _Growing:
    digest: Any
    received: int
    total: int


class Uploads:
    """The uploads of all clients. `in_use`: files that must stay, since a job still needs them.

    One thread writes; `path` may be called from another.
    """

    def __init__(
        self,
        folder: Path,
        in_use: Callable[[], Iterable[Path]],
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._in_use = in_use
        self._bounds = bounds or Bounds()
        self._clock = clock
        self._growing: OrderedDict[Path, _Growing] = OrderedDict()

    def path(self, client: ClientId, upload: str) -> Path:
        """A complete upload of a client, which counts as used now; raises NotFound."""
        path = self._of(client) / upload
        try:
            now = self._clock()
            os.utime(path, (now, now))
        except OSError:
            raise NotFound(f"upload:{upload} is not here: bring it with /punchin/put first") from None
        return path

    def put(self, client: ClientId, piece: Put) -> int:
        """Take a piece and return how many bytes are here; a piece that is here already, or comes too early, changes nothing.

        Raises InvalidSpec, TooLarge or Busy.
        """
        if hashlib.sha256(piece.data).hexdigest() != piece.checksum:
            raise InvalidSpec("checksum: is not that of the piece; send it again")
        if piece.offset + len(piece.data) > piece.total:
            raise InvalidSpec(f"offset: the piece ends after the {piece.total} bytes of the whole")
        final = self._of(client) / piece.upload
        if final.exists():
            return self.path(client, piece.upload).stat().st_size
        part = final.with_name(final.name + _PART)
        try:
            growing = self._opened(part, piece.total)
            fresh = piece.data[max(growing.received - piece.offset, 0) :]
            if piece.offset <= growing.received and fresh:
                _append(part, fresh, growing.received)
                growing.digest.update(fresh)
                growing.received += len(fresh)
            if growing.received == growing.total:
                self._finish(part, final, growing)
        except OSError as error:
            self._growing.pop(part, None)
            why = "the disk is full" if error.errno in files.NO_ROOM else error.strerror
            raise Busy(f"the upload cannot be written on the daemon's machine: {why}") from error
        return growing.received

    def tidy(self) -> None:
        """Remove what nobody has used for a while."""
        oldest = self._clock() - self._bounds.days * 24 * 3600
        kept = set(self._in_use())
        with contextlib.suppress(OSError):
            for folder in list(self._folder.iterdir()):
                for path in list(folder.iterdir()):
                    if path.stat().st_mtime < oldest and path not in kept:
                        self._remove(path)
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def _of(self, client: ClientId) -> Path:
        return self._folder / hashlib.sha256(client.encode()).hexdigest()[:16]

    def _opened(self, part: Path, total: int) -> _Growing:
        """An upload that is under way, or a new one for which room has been made."""
        growing = self._growing.pop(part, None)
        if growing is None:
            received = part.stat().st_size if part.exists() else 0
            self._make_room(part, total, received)
            growing = _Growing(_hash(part), received, total)
        if growing.total != total or growing.received > total:
            self._remove(part)
            raise InvalidSpec(f"total: {total} bytes do not go with what was brought before; the upload begins anew")
        self._growing[part] = growing
        if len(self._growing) > _OPEN:
            self._growing.popitem(last=False)
        return growing

    def _finish(self, part: Path, final: Path, growing: _Growing) -> None:
        """Give a whole file its name, once it is what the name says."""
        del self._growing[part]
        if growing.digest.hexdigest() != final.name:
            self._remove(part)
            raise InvalidSpec("upload: the whole file has another SHA-256; it begins anew")
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        files.move_into_place(part, final)

    def _make_room(self, part: Path, total: int, received: int) -> None:
        """Remove a client's uploads that were not used for longest, so that another fits."""
        bounds, folder = self._bounds, part.parent
        if total > bounds.upload:
            raise TooLarge(f"total: an upload has at most {bounds.upload} bytes, {total} came")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.tidy()
        if not folder.exists() and sum(1 for _ in self._folder.iterdir()) >= bounds.clients:
            raise Busy(f"the uploads of {bounds.clients} clients are kept already; wait until the oldest are removed")
        folder.mkdir(mode=0o700, exist_ok=True)
        sizes = {path: self._size(path) for path in folder.iterdir() if path != part}
        kept = set(self._in_use()) | set(self._growing)
        removable = sorted(set(sizes) - kept, key=lambda path: path.stat().st_mtime)
        while len(sizes) >= bounds.count or sum(sizes.values()) + total > bounds.client:
            if not removable:
                raise TooLarge(
                    f"total: a client has at most {bounds.count} uploads of {bounds.client} bytes together, and jobs still need "
                    f"those that are here; wait for them"
                )
            self._remove(removable[0])
            del sizes[removable.pop(0)]
        if shutil.disk_usage(folder).free < total - received + bounds.free:
            raise Busy("the disk of the daemon's machine has no room for the upload: make some")

    def _size(self, path: Path) -> int:
        """Of an upload that is under way, what it will have."""
        growing = self._growing.get(path)
        return growing.total if growing else path.stat().st_size

    def _remove(self, path: Path) -> None:
        self._growing.pop(path, None)
        path.unlink(missing_ok=True)


def _append(part: Path, data: bytes, size: int) -> None:
    """Write behind the first `size` bytes, wholly or not at all."""
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), stat.S_IRUSR | stat.S_IWUSR)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        try:
            file.seek(size)
            written = 0
            while written < len(data):
                written += file.write(data[written:])
        except OSError:
            file.truncate(size)
            raise


def _hash(path: Path) -> Any:
    digest = hashlib.sha256()
    if path.exists():
        with path.open("rb") as file:
            while block := file.read(_MIB):
                digest.update(block)
    return digest
