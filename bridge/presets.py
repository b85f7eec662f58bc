"""Presets: one TOML file each, values for a request's keys. Data, never code."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger

from bridge.shipped import shipped
from engine.errors import InvalidSpec
from engine.spec import KEYS, Verb


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
    for folder in (shipped("presets"), *folders):
        for path in sorted(folder.glob("*.toml")):
            try:
                found[path.stem] = _read(path)
            except (OSError, ValueError, InvalidSpec) as error:
                logger.warning("preset {} is left out: {}", path, error)
    return found


def _read(path: Path) -> Preset:
    content = tomllib.loads(path.read_text("utf-8"))
    values = content.get("values", {})
    unknown = set(values) - set(KEYS)
    if unknown:
        raise InvalidSpec(f"no such key: {', '.join(sorted(unknown))}")
    return Preset(path.stem, Verb(content["verb"]), str(content["description"]), values)
