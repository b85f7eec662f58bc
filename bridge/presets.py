"""Presets: one TOML file each, values for a request's keys. Data, never code."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger

from bridge.shipped import shipped
from engine.errors import InvalidSpec, NotFound
from engine.spec import KEYS, RenderSpec, Verb

FORMAT = 1
"""The version of the files' format; a file that names none is of version 1."""
FIELDS = ("version", "verb", "description", "values")
_LONGEST_DESCRIPTION = 200
_FROM_THE_REQUEST: dict[Verb, dict[str, Any]] = {
    Verb.GENERATE: {"prompt": "music", "length": 4.0},
    Verb.CONTINUE: {"start": 0.0, "end": 4.0},
    Verb.REPAINT: {"start": 0.0, "end": 4.0},
    Verb.COVER: {"prompt": "music"},
    Verb.EXTRACT: {"tracks": "all"},
    Verb.LEGO: {"track": "bass"},
    Verb.COMPLETE: {"tracks": "bass"},
}
"""What a request adds to a preset: a preset is legal if it is so together with these, as far as it leaves them open."""
VERBS = tuple(_FROM_THE_REQUEST)
"""The verbs that presets are for: all that render."""
_IN_PLACE_OF = {"length": ("length", "bars"), "start": ("ranges",), "end": ("ranges",)}


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of keys for one verb. What a request says itself wins over it."""

    name: str
    verb: Verb
    description: str
    values: Mapping[str, Any]


def presets(*folders: Path) -> dict[str, Preset]:
    """Presets by name: those shipped with punchin, then those of the folders given, which may replace them.

    A file that is not a preset is logged and left out.
    """
    found: dict[str, Preset] = {}
    for path in files(*folders):
        try:
            found[path.stem] = read(path)
        except InvalidSpec as error:
            logger.warning("preset {} is left out: {}", path, error)
    return found


def files(*folders: Path) -> list[Path]:
    """The files of presets: those shipped with punchin, then those of the folders given."""
    return [path for folder in (shipped("presets"), *folders) for path in sorted(folder.glob("*.toml"))]


class Shelf(Mapping[str, Preset]):
    """`presets` of a folder that the user may change at any time: what is asked of it is as the files are now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = self._look()
        self._presets = presets(folder)

    def __getitem__(self, name: str) -> Preset:
        return self._current()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._current())

    def __len__(self) -> int:
        return len(self._current())

    def _current(self) -> dict[str, Preset]:
        seen = self._look()
        if seen != self._seen:
            self._seen, self._presets = seen, presets(self._folder)
        return self._presets

    def _look(self) -> frozenset[tuple[str, int, int]]:
        """Name, size and time of change of each file of the folder."""
        looked = set()
        for path in self._folder.glob("*.toml"):
            try:
                about = path.stat()
            except OSError:
                continue
            looked.add((path.name, about.st_size, about.st_mtime_ns))
        return frozenset(looked)


def read(path: Path) -> Preset:
    """One preset; raises InvalidSpec that says what is wrong with the file, and NotFound where there is none."""
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise InvalidSpec(f"it cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InvalidSpec(f"it is no TOML: {error}") from None
    return Preset(path.stem, *_checked(content, str(path.absolute())))


def _checked(content: Mapping[str, Any], some_file: str) -> tuple[Verb, str, Mapping[str, Any]]:
    unknown = set(content) - set(FIELDS)
    if unknown:
        raise InvalidSpec(f"{', '.join(sorted(unknown))}: no such field; the fields are {', '.join(FIELDS)}")
    version = content.get("version", FORMAT)
    if version != FORMAT:
        raise InvalidSpec(f"version: {version!r} came, this punchin reads version {FORMAT}")
    if content.get("verb") not in VERBS:
        raise InvalidSpec(f"verb: must be one of {', '.join(VERBS)}, {content.get('verb')!r} came")
    description = content.get("description")
    if not isinstance(description, str) or not 1 <= len(description) <= _LONGEST_DESCRIPTION or "\n" in description:
        raise InvalidSpec(f"description: one line of 1 to {_LONGEST_DESCRIPTION} characters is needed")
    values = content.get("values", {})
    if not isinstance(values, Mapping):
        raise InvalidSpec("values: must be a table of a request's keys")
    unknown = set(values) - set(KEYS)
    if unknown:
        raise InvalidSpec(f"no such key: {', '.join(sorted(unknown))}")
    verb = Verb(content["verb"])
    RenderSpec.parse({"verb": verb, **_completed(verb, values, some_file)})
    return verb, description, values


def _completed(verb: Verb, values: Mapping[str, Any], some_file: str) -> dict[str, Any]:
    open_keys = _FROM_THE_REQUEST[verb]
    added = {
        key: value for key, value in open_keys.items() if not any(key in values for key in _IN_PLACE_OF.get(key, ()))
    }
    if "bars" in values:
        added["bpm"] = 120.0
    if verb is not Verb.GENERATE:
        added["source"] = some_file
    return added | dict(values)
