"""What the words of a prompt ask for when a place is filled again from the source itself."""

import re
from collections.abc import Iterator
from enum import StrEnum


class Wish(StrEnum):
    """One thing that re-use can do beside fitting in; the values are how the note for the user names them."""

    NO_DRUMS = "no drums"
    NO_BASS = "no bass"
    DRUMS_ONLY = "drums only"
    BASS_ONLY = "bass only"
    HALF_TIME = "half time"
    DOUBLE_TIME = "double time"
    FILL = "fill"
    RISER = "riser"
    QUIETER = "quieter"
    LOUDER = "louder"
    STOP = "stop"


def _without(name: str) -> str:
    return rf"(?:no|without|minus|remove|mute)\s+(?:any\s+|the\s+)?(?:[\w-]+(?:,\s*|\s+(?:and|n?or)\s+))*{name}|{name}-?less"


def _alone(name: str) -> str:
    return rf"{name}\s+(?:only|alone|solo)|(?:only|just|solo)\s+(?:the\s+)?{name}"


_WORDS: dict[Wish, str] = {
    Wish.NO_DRUMS: _without("drums?"),
    Wish.NO_BASS: _without("bass"),
    Wish.DRUMS_ONLY: _alone("drums?"),
    Wish.BASS_ONLY: _alone("bass"),
    Wish.HALF_TIME: r"half[ -]?time",
    Wish.DOUBLE_TIME: r"double[ -]?time",
    Wish.FILL: r"(?:drum\s+)?fills?(?!\s+(?:the|this|that|it|in|up|with)\b)",
    Wish.RISER: r"risers?|uplifters?",
    Wish.STOP: r"(?:drum\s+)?(?:stops?|breaks?)",
    Wish.QUIETER: r"quieter|softer",
    Wish.LOUDER: r"louder",
}
_DENIED = re.compile(r"\b(?:no|without|not|don't|never)\s+(?:any\s+|a\s+|the\s+)?(?:drum\s+)?$")
_ADDED = re.compile(r"\badd(?:ing|ed)?\s+(?:an?\s+|the\s+|some\s+)?$")
_ALONE = (Wish.DRUMS_ONLY, Wish.BASS_ONLY)
_OPPOSITES = (
    (Wish.DRUMS_ONLY, Wish.NO_DRUMS),
    (Wish.BASS_ONLY, Wish.NO_BASS),
    (Wish.DRUMS_ONLY, Wish.BASS_ONLY),
    (Wish.HALF_TIME, Wish.DOUBLE_TIME),
    (Wish.QUIETER, Wish.LOUDER),
)


def read(prompt: str) -> tuple[Wish, ...]:
    """The wishes that a prompt's words name, in the order in which they are followed; other words say nothing.

    Of two that exclude each other the one said first holds.
    """
    text = prompt.lower()
    said = {wish: match.start() for wish in Wish if (match := next(_said(wish, text), None))}
    for one, other in _OPPOSITES:
        if one in said and other in said:
            del said[max(one, other, key=lambda wish: said[wish])]
    return tuple(wish for wish in Wish if wish in said)


def without_wishes(prompt: str) -> str:
    """A prompt in lower case with a line in the place of each wish: what is left is spoken of something else."""
    text = prompt.lower()
    for wish in Wish:
        for match in _said(wish, text):
            text = text[: match.start()] + "_" * len(match[0]) + text[match.end() :]
    return text


def _said(wish: Wish, text: str) -> Iterator[re.Match[str]]:
    """Where a wish is said and not denied; in `add only drums` nothing else has to go."""
    for match in re.finditer(rf"(?<![\w-])(?:{_WORDS[wish]})(?![\w-])", text):
        before = text[: match.start()]
        if not _DENIED.search(before) and not (wish in _ALONE and _ADDED.search(before)):
            yield match
