"""Looks at model files before anything opens them: no pickles, no lying headers, no way out of the folder.

A pickle runs what its author wrote into it. Model files are safetensors here, and those are believed only where their header
fits the file. Nothing of this module imports torch: the daemon and the command line look through it as well.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from engine.errors import BadModel, NoModel

SILENCE = "silence_latent.pt"
"""The one pickle of a release: a single tensor, read by torch's loader for plain tensors only."""
PICKLES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".npy", ".npz"})
INDEX = ".index.json"

_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000
"""Bytes, the limit of the safetensors library itself."""
_LONGEST_JSON = 20_000_000
_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a header says of one tensor."""

    kind: str
    """Number format in the words of safetensors, e.g. BF16."""
    shape: tuple[int, ...]
    first: int
    """Place of its first byte, counted from the end of the header."""
    end: int
    """Place after its last byte."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises NoModel where there is none, BadModel where it is not one."""
    try:
        if path.stat().st_size > _LONGEST_JSON:
            raise BadModel(f"{path} is too long for a settings file of a model")
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NoModel(f"{path} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise BadModel(f"{path} does not hold a JSON object")
    return content


def weight_files(folder: Path, stem: str) -> list[Path]:
    """The safetensors files of one model in `folder`: `stem.safetensors`, or the shards that its index names.

    Raises NoModel when there are none, BadModel for a pickle in their place, a shard's name that leads out of the folder and
    a shard that is missing.
    """
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors{INDEX}"
    if index.is_file():
        return _shards(index)
    if single.is_file():
        return [single]
    refuse_pickles(folder)
    raise NoModel(f"{folder} holds no {single.name}")


def refuse_pickles(folder: Path) -> None:
    """Raise BadModel when weights lie in `folder` as a pickle only."""
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() in PICKLES and path.name != SILENCE:
            raise BadModel(
                f"{path} is not opened: such a file can run any program; get the .safetensors file of this model"
            )


def _shards(index: Path) -> list[Path]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise BadModel(f"{index} names no shards")
    names = sorted({_plain_name(index, name) for name in weight_map.values()})
    for name in names:
        if not (index.parent / name).is_file():
            raise BadModel(f"{index.parent / name} is missing: {index.name} names it")
    return [index.parent / name for name in names]


def _plain_name(index: Path, name: object) -> str:
    if (
        not isinstance(name, str)
        or not name.endswith(".safetensors")
        or PureWindowsPath(name).name != name  # knows both kinds of slash, and drives
        or not name.isprintable()
    ):
        raise BadModel(f"{index} names a shard that is no file of its folder: {name!r}")
    return name


def headers(files: Iterable[Path]) -> dict[Path, dict[str, Entry]]:
    """The headers of all files of one model. Raises BadModel as `header` does, and when two files hold the same tensor."""
    found: dict[Path, dict[str, Entry]] = {}
    owner: dict[str, Path] = {}
    for path in files:
        found[path] = header(path)
        for name in found[path]:
            if name in owner:
                raise BadModel(f"tensor {name} is in {owner[name]} and in {path}")
            owner[name] = path
    return found


def is_inside(name: str) -> bool:
    """Whether a path with forward slashes, that a hub or a file names, stays in the folder it is meant for, on any system."""
    parts = PureWindowsPath(name).parts  # knows both kinds of slash, and drives
    return (
        name.isprintable()
        and parts == PurePosixPath(name).parts
        and bool(parts)
        and not any(part in {"..", "/"} or ":" in part for part in parts)
    )


def header(path: Path) -> dict[str, Entry]:
    """What tensors a safetensors file holds, by name.

    Raises BadModel when the file is a pickle under another name, or cut short, or its header is longer than it can be, names a
    tensor twice, or its tensors overlap, leave gaps or do not have the size that their shape needs.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_LENGTH_BYTES)
            length = int.from_bytes(start, "little")
            if len(start) < _LENGTH_BYTES or length > min(_LONGEST_HEADER, size - _LENGTH_BYTES):
                raise BadModel(f"{path} is no safetensors file, or cut short: its header does not fit into it")
            text = file.read(length)
    except FileNotFoundError:
        raise NoModel(f"{path} is missing") from None
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    entries = _entries(path, text)
    _check_layout(path, entries, size - _LENGTH_BYTES - length)
    return entries


def _entries(path: Path, text: bytes) -> dict[str, Entry]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            raise BadModel(f"{path}: its header names something twice")
        return content

    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
        content.pop("__metadata__", None)
        return {name: _entry(path, name, value) for name, value in content.items()}
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadModel(f"{path} is no safetensors file: its header cannot be read ({error})") from None


def _entry(path: Path, name: str, value: Mapping[str, Any]) -> Entry:
    try:
        kind, shape, (first, end) = value["dtype"], value["shape"], value["data_offsets"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, first, end))
        if whole and end - first == math.prod(shape) * _BITS[kind] // 8:
            return Entry(kind, tuple(shape), first, end)
    except (KeyError, TypeError, ValueError):
        pass
    raise BadModel(f"{path}: the header's entry of tensor {name} makes no sense")


def _check_layout(path: Path, entries: Mapping[str, Entry], data_bytes: int) -> None:
    place = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].first, item[1].end)):
        if entry.first != place:
            raise BadModel(f"{path}: tensor {name} does not begin where the one before it ends")
        place = entry.end
    if place > data_bytes:
        raise BadModel(f"{path} is cut short: {place - data_bytes} bytes are missing at its end")
    if place < data_bytes:
        raise BadModel(f"{path} has {data_bytes - place} bytes at its end that belong to no tensor")
