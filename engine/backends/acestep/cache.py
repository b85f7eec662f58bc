"""What was computed once, kept by what it was computed from: latents of a source, states of a text.

A key is a digest of everything that a result depends on, so nothing is ever out of date and any process may share the
folder. What is kept on disk is kept safe: complete before it has its name, checked when it is read.
"""

import contextlib
import hashlib
import os
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from loguru import logger
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

Tensors = Mapping[str, torch.Tensor]
"""One entry: named tensors in the machine's memory. They are shared, so nobody changes them."""
Ingredient: TypeAlias = torch.Tensor | str | bytes | int | float | None

_SUFFIX, _PART = ".safetensors", ".part"
_ABANDONED_SECONDS = 3600.0
"""Age from which a file without its final name is what a dead process left."""


def key(kind: str, *ingredients: Ingredient) -> str:
    """A digest of 64 hex digits: the same for equal ingredients in the same order, and only for those.

    Name the model among them, by its `fingerprint`. Tensors count with type, shape and every byte, on whatever device.
    """
    digest = hashlib.sha256()
    for ingredient in (kind, *ingredients):
        if isinstance(ingredient, torch.Tensor):
            _take(digest, "tensor", f"{ingredient.dtype} {tuple(ingredient.shape)}".encode())
            digest.update(_bytes_of(ingredient))
        else:
            text = ingredient if isinstance(ingredient, bytes) else repr(ingredient).encode()
            _take(digest, type(ingredient).__name__, text)
    return digest.hexdigest()


def fingerprint(module: torch.nn.Module) -> str:
    """A digest of a model's weights, by name and value; adapters that were merged into it count."""
    state = module.state_dict()
    return key("weights", *(part for name in sorted(state) for part in (name, state[name])))


def files_print(files: Iterable[Path]) -> str:
    """What tells these files from others, without reading them."""
    states = ((path.resolve(), path.stat()) for path in files)
    told = "\n".join(f"{path} {state.st_size} {state.st_mtime_ns}" for path, state in states)
    return hashlib.sha256(told.encode()).hexdigest()


class Cache:
    """Entries in memory, and in a folder if there is one; the least recently used ones leave first.

    It belongs to one thread; the folder may be shared by any number of processes.
    """

    def __init__(self, folder: Path | None, *, memory_bytes: int, disk_bytes: int) -> None:
        self._memory = _Memory(memory_bytes)
        self._disk = None if folder is None else _Disk(folder, disk_bytes)

    def get(self, key: str) -> Tensors | None:
        """The entry, if it is kept here."""
        found = self._memory.get(key)
        if found is None and self._disk is not None:
            found = self._disk.get(key)
            if found is not None:
                self._memory.put(key, found)
        return found

    def put(self, key: str, tensors: Tensors) -> None:
        """Keep an entry, as far as there is room; a disk that does not take it is no error."""
        ours = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        self._memory.put(key, ours)
        if self._disk is not None:
            self._disk.put(key, ours)

    def kept(self, key: str, compute: Callable[[], Tensors]) -> Tensors:
        """The entry; computed and kept when it is not there."""
        found = self.get(key)
        if found is not None:
            return found
        computed = compute()
        self.put(key, computed)
        return computed


class _Memory:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[str, Tensors] = OrderedDict()
        self._held = 0

    def get(self, key: str) -> Tensors | None:
        if key in self._entries:
            self._entries.move_to_end(key)
        return self._entries.get(key)

    def put(self, key: str, tensors: Tensors) -> None:
        self._held -= _size(self._entries.pop(key, {}))
        if _size(tensors) > self._limit:
            return
        self._entries[key] = tensors
        self._held += _size(tensors)
        while self._held > self._limit:
            _, oldest = self._entries.popitem(last=False)
            self._held -= _size(oldest)


class _Disk:
    """One safetensors file an entry. Its time of change is when it was last used: access times are often switched off."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit

    def get(self, key: str) -> Tensors | None:
        path = self._path(key)
        try:
            tensors = _read(path)
        except (FileNotFoundError, RuntimeError):  # the latter from torch, when it vanishes while it is read
            return None
        except (OSError, ValueError, SafetensorError) as error:
            logger.warning("{} is damaged and is thrown away: {}", path, error)
            _remove(path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return tensors

    def put(self, key: str, tensors: Tensors) -> None:
        if _size(tensors) > self._limit:
            return
        part = self._folder / f"{key}-{uuid.uuid4().hex}{_PART}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file(dict(tensors), part, {"sha256": _checksum(tensors)})
            part.replace(self._path(key))
        except (OSError, SafetensorError) as error:
            logger.warning("{} takes no more: {}", self._folder, error)
            _remove(part)
        self._keep_to_limit()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _keep_to_limit(self) -> None:
        """Remove what is oldest until the rest fits. Others may be at the same: what is gone is gone."""
        entries, now = [], time.time()
        for path, used, size in _files(self._folder):
            if path.suffix == _SUFFIX:
                entries.append((used, path, size))
            elif path.suffix == _PART and now - used > _ABANDONED_SECONDS:
                _remove(path)
        held = sum(size for *_, size in entries)
        for _, path, size in sorted(entries):
            if held <= self._limit:
                break
            _remove(path)
            held -= size


def _read(path: Path) -> Tensors:
    """The tensors of a file, copied: a mapped file cannot be removed on Windows. Raises ValueError when bytes changed."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  it is no mapping
        told = (file.metadata() or {}).get("sha256")
    if told != _checksum(tensors):
        raise ValueError("its bytes are not those that were written")
    return tensors


def _checksum(tensors: Tensors) -> str:
    return key("entry", *(part for name in sorted(tensors) for part in (name, tensors[name])))


def _take(digest: "hashlib._Hash", kind: str, content: bytes) -> None:
    # with its length, so that no two sequences run into the same bytes
    digest.update(f"{kind} {len(content)} ".encode() + content)


def _bytes_of(tensor: torch.Tensor) -> memoryview:
    whole = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(whole.view(torch.uint8).numpy()) if whole.numel() else memoryview(b"")


def _size(tensors: Tensors) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


def _files(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """Files with the time of their last change and their bytes."""
    try:
        paths = list(folder.iterdir())
    except OSError:
        return
    for path in paths:
        with contextlib.suppress(OSError):  # another process has just removed it
            status = path.stat()
            yield path, status.st_mtime, status.st_size


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # gone, or open in another process on Windows
        path.unlink(missing_ok=True)
