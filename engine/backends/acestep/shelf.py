"""The models folder: which checkpoints are there, whether they are whole, and where. Imports no torch.

It has the layout that the release calls `checkpoints`, so that a folder of the makers' own program serves as well. Folders on
other disks that `punchin models pull --to` filled are remembered in `folders.json`.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from platformdirs import user_data_path

from engine.backends.acestep.catalogue import BY_NAME, RELEASES, Release
from engine.backends.acestep.guard import SILENCE, headers, read_json, weight_files
from engine.backends.acestep.layout import DIFFUSION_MODEL, MODEL, PARTS, VAE, is_dit, locate
from engine.backends.acestep.record import RECORD, UNFINISHED, Record
from engine.backends.base import Model, ModelState
from engine.errors import BadModel, NoModel

FOLDERS = "folders.json"


def models_folder() -> Path:
    """The models folder: `PUNCHIN_MODELS`, or the one for data of this user."""
    given = os.environ.get("PUNCHIN_MODELS")
    return (Path(given).expanduser() if given else user_data_path("punchin", appauthor=False) / "models").absolute()


def folders(models: Path | None = None) -> list[Path]:
    """The models folder, then those that are remembered on other disks."""
    first = models or models_folder()
    if not (first / FOLDERS).is_file():
        return [first]
    others = read_json(first / FOLDERS).get("folders", [])
    return [first, *(Path(other) for other in others if isinstance(other, str))]


def remember(folder: Path, models: Path | None = None) -> None:
    """Look in `folder` as well from now on."""
    known = folders(models)
    if folder in known:
        return
    known[0].mkdir(parents=True, exist_ok=True)
    temporary = known[0] / f"{FOLDERS}.part"
    temporary.write_text(
        json.dumps({"folders": [str(path) for path in (*known[1:], folder)]}, indent=2) + "\n", "utf-8"
    )
    temporary.replace(known[0] / FOLDERS)


def complete(models: Path | None = None) -> list[Path]:
    """The folder of every checkpoint here that can be loaded, in the order of the catalogue, then by name."""
    found = []
    for model, folder in _checkpoints(models):
        if model.state == "present" and _loadable(folder):
            found.append(folder)
    return found


def folder_of(name: str, models: Path | None = None) -> Path:
    """The folder of what is called `name`. Raises NoModel with how to get it, BadModel when it is damaged."""
    release = BY_NAME.get(name)
    folder = _place(name, folders(models)) if Path(name).name == name else None
    if folder is None:
        known = "" if release else f"; released are {', '.join(BY_NAME)}"
        raise NoModel(f"{name} is not here: {f'punchin models pull {name}' if release else 'no such model'}{known}")
    state = state_of(folder, release)
    if state == "partial":
        raise NoModel(f"{folder} is not complete: punchin models pull {name}")
    if state == "damaged":
        raise BadModel(f"{folder} is damaged: punchin models verify {name} says how")
    return folder


def listed(models: Path | None = None) -> list[Model]:
    """Every released model with its state here, then other checkpoints that lie in the models folders."""
    return [model for model, _ in _all(models)]


def state_of(folder: Path, release: Release | None = None) -> ModelState:
    """How a model's folder stands, without reading the weights themselves."""
    if not folder.is_dir():
        return "missing"
    try:
        record = Record.read(folder)
        if record is not None:
            return _by_record(folder, record)
        _check_structure(folder, release)
    except BadModel:
        return "damaged"
    except NoModel:
        return "partial"
    return "present"


def remove(name: str, models: Path | None = None) -> Path:
    """Remove what was pulled as `name`, and return its folder; files that the user put there stay.

    Raises NoModel when it is not here, or was not pulled by punchin.
    """
    folder = _place(name, folders(models)) if Path(name).name == name else None
    if folder is None:
        raise NoModel(f"{name} is not here")
    record = Record.read(folder)
    if record is None:
        raise NoModel(f"{folder} was not downloaded by punchin: remove it yourself")
    for path in record.files:
        (folder / path).unlink(missing_ok=True)
    (folder / RECORD).unlink()
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    for place in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        _remove_if_empty(place)
    _remove_if_empty(folder)
    return folder


def _place(name: str, places: Sequence[Path]) -> Path | None:
    """The folder of that name that is whole, else the first there is."""
    there = [place / name for place in places if (place / name).is_dir()]
    whole = [folder for folder in there if state_of(folder, BY_NAME.get(name)) == "present"]
    return next(iter(whole or there), None)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


def _by_record(folder: Path, record: Record) -> ModelState:
    sizes = {name: (folder / name).stat().st_size for name in record.files if (folder / name).is_file()}
    if any(sizes[name] != record.files[name].bytes for name in sizes):
        return "damaged"
    arrived = all(name in sizes and content.sha256 for name, content in record.files.items())
    return "present" if arrived else "partial"


def _check_structure(folder: Path, release: Release | None) -> None:
    """Raise NoModel or BadModel for what a folder lacks that nobody recorded."""
    if (folder / "model_index.json").is_file():
        places = [(folder / part, DIFFUSION_MODEL) for part in (*PARTS, VAE)] + [(folder / "text_encoder", MODEL)]
    else:
        places = [(folder, DIFFUSION_MODEL if release and release.kind == "vae" else MODEL)]
    for place, stem in places:
        read_json(place / "config.json")
        headers(weight_files(place, stem))
    if is_dit(folder) and not (folder / SILENCE).is_file():
        raise NoModel(f"{folder / SILENCE} is missing")


def _loadable(folder: Path) -> bool:
    """Whether what a checkpoint shares with others is there and whole as well."""
    try:
        layout = locate(folder)
    except NoModel:
        return False
    if layout.kind == "diffusers":
        return True
    return all(state_of(part, BY_NAME.get(part.name)) == "present" for part in (layout.vae, layout.text_encoder))


def _checkpoints(models: Path | None) -> Iterator[tuple[Model, Path]]:
    for model, folder in _all(models):
        release = BY_NAME.get(model.name)
        if release is None or release.kind == "dit":
            yield model, folder


def _all(models: Path | None) -> Iterator[tuple[Model, Path]]:
    places = folders(models)
    for release in RELEASES:
        folder = _place(release.name, places) or places[0] / release.name
        state = state_of(folder, release)
        yield Model(release.name, state, release.bytes if state == "missing" else size_of(folder)), folder
    for place in places:
        for folder in sorted(place.iterdir()) if place.is_dir() else ():
            if folder.name not in BY_NAME and folder.is_dir() and _is_checkpoint(folder):
                yield Model(folder.name, state_of(folder), size_of(folder)), folder


def _is_checkpoint(folder: Path) -> bool:
    try:
        return (folder / "model_index.json").is_file() or is_dit(folder)
    except BadModel:
        return False


def size_of(folder: Path) -> int:
    """Bytes on disk, unfinished downloads included."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
