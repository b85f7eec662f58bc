"""The turns that the planner was trained with, to the byte. No torch.

Source: the published prompt format of ACE-Step 1.5's 5 Hz language model, in the chat format of Qwen3. A newline more or less is
another prompt.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from engine.backends.acestep.planner.tokens import code_text
from engine.backends.acestep.prompts import INSTRUMENTAL

NOTHING = "NO USER INPUT"
"""Stands where there is nothing, and where guidance leads away from nothing in particular."""
THINKING, THOUGHT = "<think>\n", "</think>\n\n"
"""Between them stand lines, the last of which ends with a newline as well."""
_CONTROL = re.compile(r"<\|[^|<>]{0,40}\|>|</?think>|</?tool_(?:call|response)>")


class Mode(StrEnum):
    """What the planner is asked for."""

    PLAN = "plan"
    UNDERSTAND = "understand"
    INSPIRE = "inspire"
    REWRITE = "rewrite"


_INSTRUCTIONS = {
    Mode.PLAN: "Generate audio semantic tokens based on the given conditions:",
    Mode.UNDERSTAND: "Understand the given musical conditions and describe the audio semantics accordingly:",
    Mode.INSPIRE: "Expand the user's input into a more detailed and specific musical description:",
    Mode.REWRITE: "Format the user's input into a more detailed and specific musical description:",
}


def plan(caption: str, lyrics: str) -> str:
    """The question for metadata and codes; the answer begins where it ends."""
    return _asked(Mode.PLAN, f"# Caption\n{plain(caption)}\n\n# Lyric\n{plain(lyrics)}\n")


def plan_unguided(lyrics: str, negative: str = NOTHING) -> str:
    """What the metadata is led away from: the same without the caption, or with what is not wanted in its place."""
    unwanted = "" if negative in {"", NOTHING} else f"# Caption\n{plain(negative)}\n\n"
    return _asked(Mode.PLAN, f"{unwanted}# Lyric\n{plain(lyrics)}\n")


def codes(caption: str, lyrics: str, metadata: str) -> str:
    """The question with its metadata thought out (`metadata`: YAML lines without the last newline); codes follow."""
    return f"{plan(caption, lyrics)}{THINKING}{metadata}\n{THOUGHT}"


def codes_unguided(negative: str = NOTHING) -> str:
    """What the codes are led away from: nothing in particular, or what is not wanted."""
    unwanted = f"{NOTHING}\n" if negative in {"", NOTHING} else plain(negative)
    return f"{_asked(Mode.PLAN, unwanted)}{THINKING}\n{THOUGHT}"


def understand(heard: Sequence[int]) -> str:
    """The question what music of these codes is."""
    return _asked(Mode.UNDERSTAND, "".join(map(code_text, heard)) or NOTHING)


def inspire(query: str, *, instrumental: bool) -> str:
    """The question for a whole plan from a few words."""
    return _asked(Mode.INSPIRE, f"{plain(query)}\n\ninstrumental: {'true' if instrumental else 'false'}")


def rewrite(caption: str, lyrics: str) -> str:
    """The question for better words."""
    words = f"# Caption\n{plain(caption) or NOTHING}\n\n# Lyric\n{plain(lyrics) or INSTRUMENTAL}"
    return _asked(Mode.REWRITE, words)


def plain(text: str) -> str:
    """A user's text without what the vocabulary would read as control tokens or codes."""
    # What is taken out may have stood between two halves of another.
    while (without := _CONTROL.sub("", text)) != text:
        text = without
    return text


def _asked(mode: Mode, text: str) -> str:
    return (
        f"<|im_start|>system\n# Instruction\n{_INSTRUCTIONS[mode]}\n\n<|im_end|>\n"
        f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    )
