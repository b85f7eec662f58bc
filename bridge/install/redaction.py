"""Takes out of a text what is nobody else's business: secrets, folders of users, words of songs."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REDACTED = "(redacted)"
LEAST_CHARACTERS = 4
"""Shorter texts are not looked for: they are part of other words."""
_NAMED_SECRET = re.compile(
    r"""(?ix) (?<![a-z]) (token|password|passwd|secret|api[_-]?key|authorization)
    (["']? \s* [:=] \s* (?:bearer\s+)? ["']? | ["'] \s* , \s* ["']) [^\s"',;)}\]]+"""
)
_LONG_SECRET = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{40,}(?![A-Za-z0-9_-])")
_ANY_HOME = re.compile(r"""(/home/|/Users/|[\\/]Users[\\/]+)(?!\(user\))[^/\\\s:"']+""")


class Redaction:
    """Rules for one user on one machine. `texts`, secrets for instance, are taken out wherever they stand."""

    def __init__(self, home: Path, texts: Iterable[str] = ()) -> None:
        self._home = _any_of(_written(str(home)), r"(?![\w.-])") if len(str(home)) > 1 else None
        longest_first = sorted({text.strip() for text in texts}, key=len, reverse=True)
        self._texts = [_any_of(_written(text)) for text in longest_first if len(text) >= LEAST_CHARACTERS]

    def text(self, text: str) -> str:
        """The text without them."""
        for pattern in self._texts:
            text = pattern.sub(REDACTED, text)
        text = _NAMED_SECRET.sub(rf"\1\2{REDACTED}", text)
        text = _LONG_SECRET.sub(REDACTED, text)
        if self._home:
            text = self._home.sub("~", text)
        return _ANY_HOME.sub(r"\1(user)", text)

    def value(self, value: Any) -> Any:
        """The same for all texts in what JSON can hold."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {key: self.value(inner) for key, inner in value.items()}
            case list() | tuple():
                return [self.value(inner) for inner in value]
            case _:
                return value


def _written(text: str) -> list[str]:
    """How a text may stand in a log: as it is, within JSON or Python quotes, with slashes for backslashes."""
    spellings = {text, text.replace("\\", "/"), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return sorted(spellings | {repr(text)[1:-1]}, key=len, reverse=True)


def _any_of(spellings: Iterable[str], end: str = "") -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(map(re.escape, spellings))}){end}")
