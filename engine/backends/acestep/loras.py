"""The adapters that a job names, and where they lie. Imports no torch: the daemon asks before it accepts a job."""

import math
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from engine.backends.acestep.guard import PICKLES, header, read_json, refuse_pickles
from engine.backends.acestep.shelf import folders, size_of
from engine.backends.base import Model
from engine.errors import BadModel, InvalidSpec, NoModel

FOLDER = "loras"
"""In each models folder."""
CONFIG = "adapter_config.json"
LARGEST_SCALE = 10.0
_LONGEST_NAME = 200
_SUFFIX = ".safetensors"
_WEIGHTS = ("adapter_model", "pytorch_lora_weights", "lokr_weights")
"""Stems of the weights in an adapter's folder, as PEFT, diffusers and the makers of ACE-Step call them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One adapter of a job."""

    name: str
    """Of a file or folder in `loras`, or an absolute path."""
    scale: float


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one adapter."""

    weights: Path
    config: Path | None
    """Settings of PEFT beside the weights."""

    @property
    def print(self) -> tuple[object, ...]:
        """What tells these files from others, without reading them."""
        files = [self.weights] if self.config is None else [self.weights, self.config]
        return tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def wanted(text: str) -> tuple[Wanted, ...]:
    """The adapters of `name:0.8,other`: without a number, the scale is 1.

    Raises InvalidSpec for a scale that is no number between -10 and 10, an empty name, or a name that comes twice.
    """
    found = tuple(_one(part.strip()) for part in text.split(",")) if text.strip() else ()
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidSpec(f"lora: {name} is named twice")
    return found


def _one(part: str) -> Wanted:
    name, colon, number = part.rpartition(":")
    if not colon or number.startswith(("/", "\\")):  # what follows the letter of a drive is no scale
        name, number = part, "1"
    try:
        scale = float(number)
    except ValueError:
        scale = math.nan
    if not name or not abs(scale) <= LARGEST_SCALE:
        raise InvalidSpec(f"lora: {part!r} came, name:0.8 is possible, with a scale from -10 to 10")
    return Wanted(name, scale)


def place_of(name: str, models: Path | None = None) -> Place:
    """The files of the adapter of that name, or at that absolute path.

    Raises NoModel where there is none, BadModel for a pickle, and a folder with several files of which none is named as usual.
    """
    given = Path(name).expanduser() if name.startswith(("~/", "~\\")) else Path(name)
    if given.is_absolute():
        return _place(given)
    plain = PureWindowsPath(name).name == name and name not in {".", ".."}  # knows both kinds of slash, and drives
    if not plain or len(name) > _LONGEST_NAME:
        raise InvalidSpec(f"lora: {name} is neither a name nor an absolute path")
    places = [folder / FOLDER for folder in folders(models)]
    for path in (place / f"{name}{ending}" for place in places for ending in ("", _SUFFIX)):
        if path.exists():
            return _place(path)
    here = ", ".join(model.name for model in listed(models)) or "none"
    raise NoModel(f"lora: {name} is not in {places[0]}; there: {here}")


def _place(path: Path) -> Place:
    if path.is_dir():
        weights = _weights(path)
        config = path / CONFIG
        return Place(weights, config if config.is_file() else None)
    if path.suffix.lower() in PICKLES:
        raise BadModel(
            f"{path} is not opened: such a file can run any program; get the .safetensors file of this adapter"
        )
    if path.suffix.lower() != _SUFFIX or not path.is_file():
        raise NoModel(f"{path} is no adapter: a .safetensors file, or a folder with one, is needed")
    return Place(path, None)


def _weights(folder: Path) -> Path:
    for stem in _WEIGHTS:
        if (folder / f"{stem}{_SUFFIX}").is_file():
            return folder / f"{stem}{_SUFFIX}"
    found = sorted(folder.glob(f"*{_SUFFIX}"))
    if len(found) > 1:
        raise BadModel(f"{folder} holds several adapters, name one file: {', '.join(path.name for path in found)}")
    if not found:
        refuse_pickles(folder)
        raise NoModel(f"{folder} holds no adapter: no {_WEIGHTS[0]}{_SUFFIX}")
    return found[0]


def listed(models: Path | None = None) -> list[Model]:
    """Every adapter in the models folders, by name, with its state and its bytes on disk."""
    found = {}
    for place in reversed([folder / FOLDER for folder in folders(models)]):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.is_dir() or path.suffix.lower() in {_SUFFIX, *PICKLES}:
                found[path.name if path.is_dir() else path.stem] = path
    return [_described(name, path) for name, path in sorted(found.items())]


def _described(name: str, path: Path) -> Model:
    size = size_of(path) if path.is_dir() else path.stat().st_size
    try:
        place = _place(path)
        header(place.weights)
        if place.config is not None:
            read_json(place.config)
    except BadModel:
        return Model(name, "damaged", size)
    except NoModel:
        return Model(name, "partial", size)
    return Model(name, "present", size)
