"""A control that was learned, written into a map of the user's own: what else stands in the file stays as it is."""

import itertools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.midi.bindings import Binding, Gesture
from bridge.midi.controls import Control
from bridge.midi.driver import VIRTUAL, matches
from bridge.midi.maps import whole
from engine.errors import InvalidSpec

_TABLE = re.compile(r"^(?=[ \t]*\[(?!bind\.))", re.MULTILINE)
"""Where a table begins that is no part of the one before."""
_ILLEGAL = set('/\\:*?"<>|')


@dataclass(frozen=True, slots=True)
class Learned:
    """What a control is to do from now on."""

    control: Control
    action: str
    gesture: Gesture
    values: Mapping[str, str]

    def write(self, folder: Path, name: str | None, port: str) -> tuple[Path, str]:
        """Add it to a map that listens to the port, and take out what the control did there.

        Returns the file and the action that it replaces, empty where there was none. With None as name it is `mine`, or `mine-2`
        and so on where that one listens to other ports. Raises InvalidSpec where the map would not be right, and OSError.
        """
        path = _path(folder, name, port)
        before = path.read_text("utf-8-sig") if path.exists() else _begun(path.stem, port)
        kept, replaced = self._replaced(before)
        _write_checked(path, kept.rstrip() + "\n\n" + self._text())
        return path, replaced

    def _replaced(self, text: str) -> tuple[str, str]:
        """A map's text without what the control did, whose comments stay; and the action that it was."""
        kept, replaced = [], ""
        for part in _TABLE.split(text):
            before = self._same(part)
            replaced = before or replaced
            kept.append("".join(re.findall(r"^\s*#.*\n?", part, re.MULTILINE)) if before else part)
        return "".join(kept), replaced

    def _same(self, part: str) -> str:
        """The action of a part of a map that binds the same gesture of the same control; else nothing."""
        if not part.lstrip().startswith("[[bind]]"):
            return ""
        try:
            binding = Binding.model_validate(tomllib.loads(part)["bind"][0])
        except ValueError:
            return ""
        own = Binding.model_construct(on=self.control, gesture=self.gesture)
        return binding.action if binding.is_like(own) else ""

    def _text(self) -> str:
        lines = [
            "[[bind]]",
            f"on = {_quoted(str(self.control))}",
            f"gesture = {_quoted(self.gesture)}",
            f"action = {_quoted(self.action)}",
        ]
        if self.values:
            pairs = (f"{key} = {_quoted(value)}" for key, value in self.values.items())
            lines.append(f"values = {{ {', '.join(pairs)} }}")
        return "\n".join(lines) + "\n"


def _path(folder: Path, name: str | None, port: str) -> Path:
    if name is not None:
        if not name.strip() or name.startswith(".") or set(name) & _ILLEGAL:
            raise InvalidSpec(f"name: {name!r} is no name for a file")
        path = folder / f"{name}.toml"
        if path.exists() and not _listens(path, port):
            raise InvalidSpec(f"nothing was written: {path} does not listen to {port}; give it another --name")
        return path
    names = itertools.chain(["mine"], (f"mine-{number}" for number in itertools.count(2)))
    paths = (folder / f"{each}.toml" for each in names)
    return next(path for path in paths if not path.exists() or _listens(path, port))


def _listens(path: Path, port: str) -> bool:
    found = whole(path)
    return found.virtual if port == VIRTUAL else any(matches(port, pattern) for pattern in found.inputs)


def _begun(name: str, port: str) -> str:
    # Numbers at the end of a name, which ALSA and Windows give out anew each time, are left to the pattern.
    stem = port.rstrip("0123456789: ") or port
    if port == VIRTUAL:
        return f"name = {_quoted(name)}\nvirtual = true\n"
    return f"name = {_quoted(name)}\ninputs = [{_quoted(stem + '*')}]\noutputs = [{_quoted(stem + '*')}]\n"


def _quoted(text: str) -> str:
    """A TOML basic string."""
    escaped = "".join(
        f"\\u{ord(char):04x}" if ord(char) < 0x20 or char in {'"', "\\", "\x7f"} else char for char in text
    )
    return f'"{escaped}"'


def _write_checked(path: Path, text: str) -> None:
    """Write a map in one go, and only one that is right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, "utf-8")
    try:
        whole(temporary)
        temporary.replace(path)
    except InvalidSpec as error:
        raise InvalidSpec(f"nothing was written: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)
