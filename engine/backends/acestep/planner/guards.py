"""What a language model may get wrong, and how it is noticed. No torch."""

import re

_WINDOW = 10
_MOST_REPEATED = 0.05
_MOST_SUNG_AGAIN = 0.5
"""Of lyrics: a chorus comes again."""
_BROKEN = re.compile("[\ufffd\x00-\x08\x0b-\x1f\x7f]|<\\|")
_HEADING = re.compile(r"^\s*# (?:Lyric|Languages?)\s*\n(?:[a-z]{2,7}\n\s*# Lyric\s*\n)?")


def fault_of_caption(caption: str | None) -> str:
    """Why a caption is not to be used; empty when it is."""
    if not caption:
        return "empty"
    return _fault(caption, _MOST_REPEATED)


def fault_of_lyrics(lyrics: str) -> str:
    """Why lyrics are not to be used; empty when they are."""
    if not lyrics.strip():
        return "empty"
    return _fault(lyrics, _MOST_SUNG_AGAIN)


def without_heading(lyrics: str) -> str:
    """Lyrics without the headings that the model may write above them."""
    return _HEADING.sub("", lyrics).strip()


def repeated(text: str) -> float:
    """The share of a text's runs of ten words that came before in it."""
    words = text.split()
    runs = [tuple(words[first : first + _WINDOW]) for first in range(len(words) - _WINDOW + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _fault(text: str, most_repeated: float) -> str:
    if _BROKEN.search(text):
        return "broken"
    if repeated(text) > most_repeated:
        return "going in circles"
    return ""
