"""What the words of a prompt ask for when a place is filled again from the source itself."""

import re
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
    Wish.FILL: r"fills?(?!\s+(?:the|this|that|it|in|up|with)\b)",
    Wish.RISER: r"risers?|uplifters?",
    Wish.STOP: r"stops?|breaks?",
    Wish.QUIETER: r"quieter|softer",
    Wish.LOUDER: r"louder",
}
_DENIED = re.compile(r"\b(?:no|without|not|don't|never)\s+(?:any\s+|a\s+|the\s+)?(?:drum\s+)?$")
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
    said = {wish: place for wish, words in _WORDS.items() if (place := _place(words, text)) is not None}
    for one, other in _OPPOSITES:
        if one in said and other in said:
            del said[max(one, other, key=lambda wish: said[wish])]
    return tuple(wish for wish in Wish if wish in said)


def _place(words: str, text: str) -> int | None:
    """Where a phrase is said and not denied."""
    found = (match.start() for match in re.finditer(rf"(?<![\w-])(?:{words})(?![\w-])", text))
    return next((place for place in found if not _DENIED.search(text[:place])), None)
