"""What the planner thinks before it writes codes: six fields, as YAML lines in the order of its training. No torch."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

import yaml

from engine.backends.acestep.prompts import METERS, UNKNOWN_LANGUAGE, is_instrumental
from engine.spec import RenderSpec
from engine.units import Seconds

LANGUAGES = (
    "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "ht",
    "hu", "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sa",
    "sk", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh", "unknown",
)  # fmt: skip
LEAST_BPM, MOST_BPM = 30, 300
SHORTEST, LONGEST = 10, 600
"""Seconds of a piece."""
_FIELD = re.compile(r"^([a-z]+):(.*)$")


@dataclass(frozen=True, slots=True)
class Metadata:
    """The fields, in the order in which the planner writes them; None where one is not known, or not asked for."""

    bpm: int | None = None
    caption: str | None = None
    duration: int | None = None
    """Seconds."""
    keyscale: str | None = None
    language: str | None = None
    timesignature: int | None = None
    """Beats a bar."""

    @classmethod
    def of(cls, spec: RenderSpec, seconds: Seconds) -> Self:
        """What a spec says of the music, its caption apart; a value that the planner does not know is left out."""
        beats = (spec.meter or "").partition("/")[0]
        language = spec.language if spec.language in LANGUAGES and spec.language != UNKNOWN_LANGUAGE else None
        sung = not is_instrumental(spec.lyrics) or (spec.planner == "inspire" and not spec.lyrics.strip())
        return cls(
            bpm=None if spec.bpm is None else round(spec.bpm),
            duration=min(max(int(seconds), SHORTEST), LONGEST),
            keyscale=spec.key,
            language=language if sung else UNKNOWN_LANGUAGE,
            timesignature=int(beats) if beats in METERS else None,
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """From lines that a grammar has held to the form; what is not legal all the same is left out."""
        found: dict[str, str] = {}
        last = ""
        for row in text.removesuffix("\n").split("\n"):
            match = _FIELD.match(row)
            if match and match[1] in FIELDS:
                last = match[1]
                found[last] = match[2].strip()
            elif last:
                found[last] += f" {row.strip()}"
        found = {name: _unquoted(value) for name, value in found.items()}
        keyscale, language = found.get("keyscale"), found.get("language")
        return cls(
            bpm=_whole(found.get("bpm"), LEAST_BPM, MOST_BPM),
            caption=found.get("caption") or None,
            duration=_whole(found.get("duration"), SHORTEST, LONGEST),
            keyscale=keyscale if keyscale and re.fullmatch("[A-G][#b♯♭]? (major|minor)", keyscale) else None,
            language=language if language in LANGUAGES else None,
            timesignature=int(meter) if (meter := found.get("timesignature")) in METERS else None,
        )

    def given(self) -> dict[str, Any]:
        """The fields that are known."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, other: Self) -> Self:
        """The other's fields with these above them."""
        return replace(other, **self.given())

    def yaml(self) -> str:
        """The lines of all known fields, without the last newline."""
        return _dumped(self.given()).removesuffix("\n")


FIELDS = tuple(field.name for field in fields(Metadata))


def line(name: str, value: Any) -> str:
    """One field as the planner writes it, with the last newline: captions as YAML does, folded, and the others bare.

    YAML would put Norwegian in quotation marks, lest it be read as a refusal.
    """
    return _dumped({name: value}) if name == "caption" else f"{name}: {value}\n"


def _dumped(values: Mapping[str, Any]) -> str:
    text: str = (
        yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=True, default_flow_style=False) if values else ""
    )
    return text


def _unquoted(value: str) -> str:
    """What was written in quotation marks, as YAML asks for it where there is a colon, without them."""
    if value[:1] in {'"', "'"}:
        try:
            return str(yaml.safe_load(value))
        except yaml.YAMLError:
            return value.strip("\"'")
    return value


def _whole(text: str | None, least: int, most: int) -> int | None:
    return int(text) if text and text.isdecimal() and least <= int(text) <= most else None
