"""Where controller maps are: those shipped, and those of the state folder, which are the ones in use."""

from collections.abc import Mapping
from pathlib import Path

from loguru import logger

from bridge.midi.bindings import ControllerMap, read
from bridge.shipped import shipped
from engine.errors import InvalidSpec, NotFound, PunchinError


def shipped_maps() -> dict[str, Path]:
    """Files of the maps that come with punchin, by name."""
    return {path.stem: path for path in sorted((shipped("presets") / "midi").glob("*.toml"))}


def folder(state: Path) -> Path:
    """Where the maps in use are: a file each."""
    return state / "midi"


def in_use(state: Path) -> dict[str, ControllerMap]:
    """The maps of the state folder by name, each on top of its base; one that is not right is logged and left out."""
    found = {}
    for path in sorted(folder(state).glob("*.toml")):
        try:
            found[path.stem] = whole(path)
        except (OSError, PunchinError) as error:
            logger.warning("controller map left out: {}", error)
    return found


def named(state: Path, name: str) -> ControllerMap:
    """The map of a name: the one in use, else the shipped one; raises NotFound, and InvalidSpec."""
    path = folder(state) / f"{name}.toml"
    known = {**shipped_maps(), **({name: path} if path.exists() else {})}
    if name not in known:
        raise NotFound(f"there is no map {name!r}; there are {', '.join(known)}")
    return whole(known[name])


def whole(path: Path) -> ControllerMap:
    """A file's map on top of its base, which is one of the shipped; raises InvalidSpec, NotFound and OSError."""
    own = read(path)
    if not own.base:
        return own
    base = shipped_maps().get(own.base)
    if base is None:
        raise NotFound(f"{path}: base: there is no map {own.base!r}; there are {', '.join(shipped_maps())}")
    return own.on_top_of(read(base))


def signature(state: Path) -> Mapping[str, tuple[int, int]]:
    """What changes when a map in use is added, changed or taken away: name, time and size of each file."""
    found = {}
    for path in folder(state).glob("*.toml"):
        try:
            status = path.stat()
        except OSError:
            continue
        found[path.name] = (status.st_mtime_ns, status.st_size)
    return found


def use(state: Path, name: str) -> Path:
    """Put a map into use: the one that was dropped under that name, else one of the shipped.

    Raises NotFound, or InvalidSpec where one of that name is in use already.
    """
    path = folder(state) / f"{name}.toml"
    if path.exists():
        raise InvalidSpec(f"{path} is in use already")
    if dropped(state, name).exists():
        return dropped(state, name).replace(path)
    if name not in shipped_maps():
        raise NotFound(f"there is no map {name!r}; there are {', '.join(shipped_maps())}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'# Bindings of your own go here; they come before those of the base.\nbase = "{name}"\n', "utf-8")
    return path


def drop(state: Path, name: str) -> Path:
    """Take a map out of use: its file is renamed, and kept. Raises NotFound.

    Raises InvalidSpec where another file of that name was kept before.
    """
    path = folder(state) / f"{name}.toml"
    if not path.exists():
        raise NotFound(f"no map {name!r} is in use")
    if dropped(state, name).exists():
        raise InvalidSpec(f"{dropped(state, name)} was kept when {name} was dropped before: rename or delete it first")
    return path.replace(dropped(state, name))


def dropped(state: Path, name: str) -> Path:
    """Where the file of a map is that was taken out of use."""
    return folder(state) / f"{name}.toml.off"
