"""The texts that ACE-Step 1.5 was trained with, to the byte. No torch.

Source: the published prompt format of ACE-Step 1.5 (instruction, caption and metas for the text encoder; language and lyrics for
the lyric encoder). A newline more or less is another prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from engine.spec import RenderSpec
from engine.units import Seconds

UNKNOWN_LANGUAGE = "unknown"
INSTRUMENTAL = "[Instrumental]"
_INSTRUMENTAL_SPELLINGS = {"", "[inst]", "[instrumental]"}
METERS = ("2", "3", "4", "6")
"""What the model was trained with; other meters are not named to it."""
_NOT_KNOWN = "N/A"


class Task(StrEnum):
    """What the model is told to do."""

    TEXT2MUSIC = "text2music"
    COVER = "cover"
    REPAINT = "repaint"
    EXTRACT = "extract"
    LEGO = "lego"
    COMPLETE = "complete"


def instruction(task: Task, tracks: Sequence[str] = ()) -> str:
    """The sentence that names the task; tracks are those to extract, add or accompany with."""
    names = [track.upper() for track in tracks]
    match task:
        case Task.TEXT2MUSIC:
            return "Fill the audio semantic mask based on the given conditions:"
        case Task.COVER:
            return "Generate audio semantic tokens based on the given conditions:"
        case Task.REPAINT:
            return "Repaint the mask area based on the given conditions:"
        case Task.EXTRACT:
            return f"Extract the {names[0]} track from the audio:" if names else "Extract the track from the audio:"
        case Task.LEGO:
            subject = f"{names[0]} track" if names else "track"
            return f"Generate the {subject} based on the audio context:"
        case Task.COMPLETE:
            return f"Complete the input track with {' | '.join(names)}:" if names else "Complete the input track:"


@dataclass(frozen=True, slots=True)
class Metas:
    """What is known of the music beside its caption."""

    seconds: Seconds
    """Length of all the audio that the model sees."""
    bpm: float | None = None
    meter: str | None = None
    key: str | None = None

    @classmethod
    def of(cls, spec: RenderSpec, seconds: Seconds) -> Self:
        """What a spec says of the music."""
        return cls(seconds, spec.bpm, spec.meter, spec.key)

    def text(self) -> str:
        """One line a fact, in the order of training."""
        beats = (self.meter or "").partition("/")[0]
        return (
            f"- bpm: {_NOT_KNOWN if self.bpm is None else round(self.bpm)}\n"
            f"- timesignature: {beats if beats in METERS else _NOT_KNOWN}\n"
            f"- keyscale: {self.key or _NOT_KNOWN}\n"
            f"- duration: {int(self.seconds)} seconds\n"
        )


def text_prompt(asked: str, caption: str, metas: Metas) -> str:
    """What the text encoder reads."""
    return f"# Instruction\n{asked}\n\n# Caption\n{caption}\n\n# Metas\n{metas.text()}<|endoftext|>\n"


def lyric_prompt(lyrics: str, language: str) -> str:
    """What the lyric encoder reads; no lyrics mean an instrumental, whose language is unknown."""
    if is_instrumental(lyrics):
        lyrics, language = INSTRUMENTAL, UNKNOWN_LANGUAGE
    return f"{lyric_heading(language)}{lyrics}<|endoftext|>"


def lyric_heading(language: str) -> str:
    """What stands above the lyrics."""
    return f"# Languages\n{language}\n\n# Lyric\n"


def is_instrumental(lyrics: str) -> bool:
    """Whether nothing is sung."""
    return lyrics.strip().lower() in _INSTRUMENTAL_SPELLINGS
