"""The form of the metadata as a grammar of llguidance: legal values in their order, and what is given in its place. No torch."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from engine.backends.acestep.planner.metadata import FIELDS, LANGUAGES, Metadata, line

_SPACED = r"[^\n<`]"
_DARK = r"[^\s<`]"
# A line of a caption ends with the newline, never inside of a terminal: the lexer is greedy.
_RULES: Mapping[str, tuple[str, ...]] = {
    "bpm": ('bpm: "bpm: " BPM "\\n"', "BPM: /[3-9][0-9]|[12][0-9][0-9]|300/"),
    "caption": (
        'caption: "caption: " WORDS ("\\n  " WORDS)* "\\n"',
        f"WORDS: /{_DARK}({_SPACED}*{_DARK})?/",
    ),
    "duration": ('duration: "duration: " SECONDS "\\n"', "SECONDS: /[1-9][0-9]|[1-5][0-9][0-9]|600/"),
    "keyscale": ('keyscale: "keyscale: " KEY "\\n"', "KEY: /[A-G][#b♯♭]? (major|minor)/"),
    "language": ('language: "language: " LANGUAGE "\\n"', f"LANGUAGE: /{'|'.join(LANGUAGES)}/"),
    "timesignature": ('timesignature: "timesignature: " METER "\\n"', "METER: /[2346]/"),
}


def metadata(given: Metadata, wanted: Collection[str] = FIELDS) -> str:
    """A grammar in llguidance's Lark: the wanted fields in their order; those that are given stand as they are."""
    known: Mapping[str, Any] = given.given()
    names = [name for name in FIELDS if name in wanted]
    rules = [f"start: {' '.join(names)}"]
    for name in names:
        if name in known:
            rules.append(f"{name}: {json.dumps(line(name, known[name]), ensure_ascii=False)}")
        else:
            rules += _RULES[name]
    return "\n".join(rules) + "\n"
