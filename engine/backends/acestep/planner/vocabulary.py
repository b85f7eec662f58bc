"""Text to ids and back, with the ids of the release: a tokenizer without its 65,535 codes, whose ids are counted instead."""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from engine.backends.acestep.planner.tokens import CONTROL, END_OF_TEXT, END_OF_TURN, FIRST_CODE
from engine.errors import BadModel, NoModel

_CODE = re.compile(r"<\|audio_code_(\d+)\|>")


class Vocabulary:
    """Reads and writes what the planner reads and writes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path) -> "Vocabulary":
        """From the `tokenizer.json` of a release. Raises NoModel when there is none, BadModel when its ids are others."""
        path = folder / "tokenizer.json"
        try:
            settings = json.loads(path.read_text("utf-8"))
            # Half of the file and most of the time to read it are the codes.
            settings["added_tokens"] = [token for token in settings["added_tokens"] if token["id"] < FIRST_CODE]
            tokenizer = Tokenizer.from_str(json.dumps(settings))
        except FileNotFoundError:
            raise NoModel(f"{path} is missing") from None
        except Exception as error:  # noqa: BLE001  the library raises bare Exception
            raise BadModel(f"{path} cannot be read: {error}") from None
        wrong = [text for id_, text in enumerate(CONTROL, END_OF_TEXT) if tokenizer.token_to_id(text) != id_]
        if wrong:
            raise BadModel(f"{path} is not the tokenizer of ACE-Step's planner: {wrong[0]} has another id")
        return cls(tokenizer)

    def ids(self, text: str) -> list[int]:
        """The ids of a prompt; codes are written as `<|audio_code_N|>`."""
        found: list[int] = []
        for number, part in enumerate(_CODE.split(text)):
            if number % 2:
                found.append(FIRST_CODE + int(part))
            elif part:
                found += self._tokenizer.encode(part, add_special_tokens=False).ids
        return found

    def text(self, ids: Sequence[int]) -> str:
        """What ids without codes say; half a character at the end is a replacement character."""
        said: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return said

    @cached_property
    def for_grammars(self) -> Any:
        """The same as llguidance keeps it; made once, in seconds for a tokenizer of the real size."""
        from llguidance import LLTokenizer  # noqa: PLC0415  only whoever writes metadata needs it

        return LLTokenizer(self._tokenizer.to_str(), n_vocab=FIRST_CODE, eos_token=END_OF_TURN)
