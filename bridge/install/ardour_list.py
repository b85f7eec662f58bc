"""Ardour's own list of scripts, `ui_scripts`: which script is the action of which number, and which run as hooks.

The actions are one text of Lua assignments, in base64: `scripts[3]["n"] = "name"`, with `s` the source and `f` the factory, as
Lua reads it; where Ardour wrote it, the factory is bytecode. What belongs to others is kept byte for byte.
Source: Ardour 7.3 as it runs, and its manual on scripts.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from bridge.install.lua import quoted
from engine.errors import PunchinError

PREFIX = "punchin: "
"""What the names of our scripts begin with."""
SLOTS = 32
"""How many actions Ardour has."""
_STRING = rb'"(?:[^"\\]|\\.)*"'
_ENTRY = re.compile(rb"scripts\[(\d+)\]((?:\[[^\]]*\])*) = (" + _STRING + rb"|\{\}|[\w.+-]+)\s*", re.DOTALL)
_BEGIN = re.compile(rb"scripts = \{\}\s*")
_NAME = re.compile(rb'\["n"\]')
_EVERY_SIGNAL = "1" * 64
"""The numbers of signals differ between versions; a version that has fewer reads as many as it has."""


class ListFullError(PunchinError):
    """Ardour has no room for all actions."""


@dataclass(slots=True)
class ScriptList:
    """What `ui_scripts` holds."""

    actions: dict[int, bytes]
    """The assignments of one script, by its number."""
    hooks: list[ET.Element]

    def named(self) -> dict[str, int]:
        """Numbers of our actions, by name."""
        return {name: slot for slot, text in self.actions.items() if (name := _name(text)).startswith(PREFIX)}

    def has_hook(self) -> bool:
        """Whether the script that receives results is listed."""
        return any(hook.get("name", "").startswith(PREFIX) for hook in self.hooks)

    def without_ours(self) -> "ScriptList":
        """The same without what we have put in."""
        ours = set(self.named().values())
        return ScriptList(
            {slot: text for slot, text in self.actions.items() if slot not in ours},
            [hook for hook in self.hooks if not hook.get("name", "").startswith(PREFIX)],
        )

    def with_ours(self, actions: Mapping[str, str], hooks: Mapping[str, str]) -> "ScriptList":
        """The same with our scripts, name to source. An action that was there keeps its number, and so its key."""
        before, result = self.named(), self.without_ours()
        free = (slot for slot in range(1, SLOTS + 1) if slot not in result.actions and slot not in before.values())
        for name, source in actions.items():
            slot = before.get(name) or next(free, None)
            if slot is None:
                raise ListFullError(f"Ardour has room for {SLOTS} actions: remove some in its script manager first")
            result.actions[slot] = _state(f"scripts[{slot}]", name, source, icon=True).encode()
        for number, (name, source) in enumerate(hooks.items()):
            hook = ET.Element(
                "LuaCallback",
                {"lua": "Lua 5.3", "id": _free_id(result.hooks, number), "name": name, "signals": _EVERY_SIGNAL},
            )
            hook.text = base64.b64encode(_state("s", name, source, icon=False).encode()).decode()
            result.hooks.append(hook)
        return result

    def is_empty(self) -> bool:
        """Whether nothing is listed."""
        return not self.actions and not self.hooks


def read(text: str) -> ScriptList:
    """Read the file's text; an empty one lists nothing. Raises ET.ParseError, or ValueError for what is no list."""
    if not text:
        return ScriptList({}, [])
    root = ET.fromstring(text)  # noqa: S314  the user's own file, written by Ardour
    state = base64.b64decode(root.findtext("ActionScript") or "")
    actions: dict[int, bytes] = {}
    at = begin.end() if (begin := _BEGIN.match(state)) else 0
    while at < len(state):
        entry = _ENTRY.match(state, at)
        if not entry:
            raise ValueError(f"byte {at} of Ardour's list of scripts is nothing that Ardour is known to write")
        actions[int(entry[1])] = actions.get(int(entry[1]), b"") + entry[0]
        at = entry.end()
    return ScriptList(actions, root.findall("ActionHooks/LuaCallback"))


def write(scripts: ScriptList) -> str:
    """The file's text."""
    root = ET.Element("UIScripts")
    actions = ET.SubElement(root, "ActionScript", {"lua": "Lua 5.3"})
    state = b"scripts = {} " + b"".join(text.rstrip() + b"  " for _, text in sorted(scripts.actions.items()))
    actions.text = base64.b64encode(state).decode()
    ET.SubElement(root, "ActionHooks").extend(scripts.hooks)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _name(text: bytes) -> str:
    for entry in _ENTRY.finditer(text):
        if _NAME.fullmatch(entry[2]):
            return entry[3][1:-1].decode("utf-8", "replace")
    return ""


def _free_id(hooks: list[ET.Element], number: int) -> str:
    """Ardour numbers what it makes from 1 on; ours are far above."""
    return str(max([7_000_000, *(int(hook.get("id", "0")) for hook in hooks)]) + 1 + number)


def _state(target: str, name: str, source: str, *, icon: bool) -> str:
    factory = f"local params = ... local ardour = function() end {source}\nreturn factory(params)"
    values = {"n": name, "s": source, "f": factory} | ({"c": ""} if icon else {})
    body = "".join(f'{target}["{key}"] = {quoted(value)} ' for key, value in values.items())
    return f'{target} = {{}} {body}{target}["a"] = {{}} '
