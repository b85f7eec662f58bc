"""What the name of a clip, track, scene or locator asks for: `ace: repaint: brushes instead of sticks seed=7`."""

from __future__ import annotations

import re
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from .osc import Value
from .refused import Refused

PREFIX = "ace:"

ACTIONS = ("generate", "continue", "repaint", "cover", "extract", "lego", "complete", "understand")
COMMANDS = ("cancel",)
EVERY = ACTIONS + COMMANDS

_ACTION = re.compile(r"(%s)\b\s*:?\s*" % "|".join(EVERY), re.IGNORECASE)
_KEY = re.compile(r"(?:^|\s)([a-z_]+)=(\"[^\"]*\"|\S+)")


class Prompt(NamedTuple):
    """An action, or "" where none was named, its words, and keys of the request."""

    action: str
    words: str
    keys: Dict[str, Value]


def _whole(low: int, high: int) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _number(low: float, high: float) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _switch(text: str) -> Value:
    return bool(_whole(0, 1)(text))


KEYS: Dict[str, Tuple[Callable[[str], Value], str]] = {
    "seed": (_whole(-1, 2**32 - 1), "a whole number from -1 to 4294967295"),
    "takes": (_whole(1, 8), "a whole number from 1 to 8"),
    "bars": (_whole(1, 999), "a whole number from 1 to 999"),
    "strength": (_number(0.0, 1.0), "a number from 0 to 1"),
    "guidance": (_number(0.0, 30.0), "a number from 0 to 30"),
    "steps": (_whole(1, 200), "a whole number from 1 to 200"),
    "track": (str, "text"),
    "tracks": (str, "text"),
    "engine": (str, "text"),
    "model": (str, "text"),
    "lora": (str, "text"),
    "preset": (str, "text"),
    "key": (str, "text"),
    "lyrics": (str, "text"),
    "language": (str, "text"),
    "midi": (_switch, "1 or 0"),
    "side": (str, "after or before"),
    "place": (str, "track or lane"),
}
"""Keys that may stand in a name. All but `side` and `place`, which the script reads itself, go to the daemon."""


def in_name(name: str) -> Optional[Prompt]:
    """What a name asks for; None for a name without the prefix. Raises Refused where a key has no legal value."""
    text = name.strip()
    if not text.lower().startswith(PREFIX):
        return None
    return read(text[len(PREFIX) :])


def read(text: str) -> Prompt:
    """What a text without the prefix asks for."""
    text = text.strip()
    action = ""
    found = _ACTION.match(text)
    # `cover me in gold` is a prompt: without a colon only an action that stands alone, or before keys, is one
    rest = text[found.end() :] if found else ""
    if found and (":" in found.group(0) or not rest or _KEY.match(rest)):
        action, text = found.group(1).lower(), rest
    keys: Dict[str, Value] = {}
    for name, value in _KEY.findall(text):
        if name in KEYS:
            keys[name] = value_of(name, value.strip('"'))
    words = _KEY.sub(lambda match: "" if match.group(1) in KEYS else match.group(0), text)
    return Prompt(action, " ".join(words.split()), keys)


def value_of(name: str, text: str) -> Value:
    """The value of a key; raises Refused, with what is legal."""
    reader, legal = KEYS[name]
    try:
        return reader(text)
    except ValueError:
        raise Refused("%s: %s, %s came." % (name, legal, text)) from None


def first(names: List[str]) -> Optional[Prompt]:
    """The first of some names that has the prefix."""
    return next((prompt for prompt in map(in_name, names) if prompt is not None), None)
