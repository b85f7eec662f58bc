"""What a prompt asks for: style, tempo, key, mood, instruments. Words only; nothing is guessed by a model."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from engine.backends.draft.harmony import Key, parse_key
from engine.backends.draft.stylebook import Instrument, Style, Vocabulary

DEFAULT_STYLE = "pop"
"""What a new piece is where the words name no style."""
NEUTRAL_STYLE = "neutral"
"""What is added to other people's music where the words name no style; it knows every instrument."""
_BPM = re.compile(r"\b(\d{2,3}(?:\.\d+)?)\s*-?\s*bpm\b", re.IGNORECASE)
_KEY = re.compile(
    r"(?:\b(?P<phrase>in|key of|key:)\s+)?(?<![\w#'])(?P<letter>[A-Ga-g])"
    r"(?:(?P<sign>[#♯♭b])|[ -]?(?P<word>sharp|flat))?[ -]?(?P<mode>major|minor|maj\b|min\b|m\b)"
)
_NO = r"\b(?:no|without|minus|sans)\s+(?:any\s+|the\s+)?"
_NOT_BEFORE = re.compile(_NO + r"(?:[\w-]+\s+(?:and|n?or)\s+)*$|" + _NO + r"(?:[\w-]+,\s+)*[\w-]+,?\s+n?or\s+$")
_LIST_BEFORE = re.compile(_NO + r"(?:[\w-]+,\s+)+$")
_LIST_AFTER = re.compile(r"^(?:,\s*[\w-]+)*,?\s+n?or\b")
_ONLY_BEFORE = re.compile(r"\b(?:only|solo|just|unaccompanied)\s+(?:an?\s+|the\s+)?$")
_ONLY_AFTER = re.compile(r"^\s+(?:only|alone)\b")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a prompt says; None or empty where it says nothing."""

    style: Style
    bpm: float | None = None
    key: Key | None = None
    mode: str | None = None
    pace: str | None = None
    """`slow` or `fast` within the style's range."""
    wanted: tuple[Instrument, ...] = ()
    unwanted: frozenset[str] = field(default_factory=frozenset)
    """Track names."""
    only: frozenset[str] = field(default_factory=frozenset)
    """Track names; empty: all."""


def read(prompt: str, styles: dict[str, Style], vocabulary: Vocabulary, default: str = DEFAULT_STYLE) -> Wishes:
    """Read a prompt; a style is chosen by its longest word that occurs, the first of equals, else by its name."""
    text = prompt.lower()
    style, rest = _style(text, styles, default)
    wanted, unwanted, only = _instruments(rest, vocabulary)
    bpm = _BPM.search(text)
    return Wishes(
        style=style,
        bpm=float(bpm[1]) if bpm and 30 <= float(bpm[1]) <= 300 else None,
        key=_key(prompt),
        mode=_first(text, {"minor": (*vocabulary.minor, "minor"), "major": (*vocabulary.major, "major")}),
        pace=_first(text, {"slow": vocabulary.slow, "fast": vocabulary.fast}),
        wanted=wanted,
        unwanted=unwanted,
        only=only,
    )


@cache
def _word(word: str, endings: str = "s") -> re.Pattern[str]:
    """A word or phrase, spaces or hyphens alike, with one of the endings or none."""
    phrase = r"[ -]?".join(re.escape(part) for part in re.split(r"[ -]", word))
    return re.compile(rf"(?<!\w){phrase}(?:{endings})?(?!\w)")


def _style(text: str, styles: dict[str, Style], default: str) -> tuple[Style, str]:
    found = [
        (-len(word), match.start(), name, match)
        for name, style in styles.items()
        for word in style.words
        if (match := _word(word).search(text))
    ]
    if not found:
        return styles[default], text
    *_, name, match = min(found, key=lambda item: item[:3])
    # `drum and bass` names a style, so it must not ask for drums as well.
    return styles[name], text[: match.start()] + " " + text[match.end() :]


def _instruments(text: str, vocabulary: Vocabulary) -> tuple[tuple[Instrument, ...], frozenset[str], frozenset[str]]:
    wanted: dict[str, Instrument] = {}
    unwanted, only = set(), set()
    entries = [(word, instrument) for instrument in vocabulary.instruments for word in instrument.words]
    for word, instrument in sorted(entries, key=lambda entry: -len(entry[0])):
        pattern = _word(word, "s|es|less|-free")
        while match := pattern.search(text):
            before, after = text[: match.start()], text[match.end() :]
            if match[0].endswith(("less", "-free")) or _is_denied(before, after):
                unwanted.add(instrument.track)
            else:
                wanted.setdefault(instrument.track, instrument)
                if _ONLY_BEFORE.search(before) or _ONLY_AFTER.search(after):
                    only.add(instrument.track)
            # The longest words come first; what is read is taken out, so that `electric piano` is no piano as well.
            text = before + "_" * len(match[0]) + after
    kept = tuple(instrument for track, instrument in wanted.items() if track not in unwanted)
    return kept, frozenset(unwanted), frozenset(only - unwanted)


def _is_denied(before: str, after: str) -> bool:
    in_list = _LIST_BEFORE.search(before) and _LIST_AFTER.search(after)
    return bool(_NOT_BEFORE.search(before) or in_list)


def _first(text: str, words: dict[str, Iterable[str]]) -> str | None:
    found = [
        (match.start(), name) for name, group in words.items() for word in group if (match := _word(word).search(text))
    ]
    return min(found)[1] if found else None


def _key(prompt: str) -> Key | None:
    for match in _KEY.finditer(prompt):
        letter, mode = match["letter"], match["mode"]
        # `in a minor mood` is an article; `in A minor` is a key.
        if letter == "a" or (letter.islower() and match["phrase"] is None) or (mode == "m" and letter.islower()):
            continue
        sign = match["sign"] or {"sharp": "#", "flat": "b", None: ""}[match["word"]]
        return parse_key(f"{letter.upper()}{sign} {'major' if mode.startswith('maj') else 'minor'}")
    return None
