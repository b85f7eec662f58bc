"""The first half of a plan, and lyrics: text, held to a grammar where it has one."""

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.backends.acestep.flow import interrupted_by
from engine.backends.acestep.planner import grammar
from engine.backends.acestep.planner.codes import BROKEN
from engine.backends.acestep.planner.constraint import Constraint
from engine.backends.acestep.planner.metadata import FIELDS, Metadata
from engine.backends.acestep.planner.sampling import Sampling, drawn
from engine.backends.acestep.planner.stream import Stream, led, logits
from engine.backends.acestep.planner.tokens import END_OF_TEXT, END_OF_TURN, FIRST_CODE
from engine.backends.acestep.planner.vocabulary import Vocabulary
from engine.backends.base import Report, Stage
from engine.errors import BadOutput

LONGEST_CAPTION = 512
LONGEST_THOUGHT = 1024
"""Tokens of all metadata."""
LONGEST_SPEECH = 2048
"""Tokens of lyrics."""
USUAL = 200
"""Tokens at which half of the progress is told: where a text ends nobody knows before, and it must not stand still."""
_FEW = 4096
"""Up to so many ids, their rows of the head are gathered; above, all rows of text are computed."""
_LOOK_EVERY = 32
_CIRCLES, _LONGEST_CIRCLE = 96, 24
"""Tokens that say the same over and over, and how many of them at most are said before they come again."""
_FIELD = re.compile(r"^([a-z]+):", re.MULTILINE)


class Writer:
    """Writes one text, to its end or to its limits."""

    def __init__(
        self,
        model: Any,
        vocabulary: Vocabulary,
        prompts: Sequence[Sequence[int]],
        seed: int,
        how: Sampling,
        report: Report,
    ) -> None:
        """`prompts`: what is asked and, with guidance, what it is led away from."""
        self._model = model
        self._vocabulary = vocabulary
        self._guided = len(prompts) > 1
        self._rows = len(prompts)
        self._how = how
        self._report = report
        self._generator = torch.Generator("cpu").manual_seed(seed)
        self._pending: list[int] = []
        self.written = 0
        """Tokens so far, given ones included."""
        with torch.inference_mode(), interrupted_by(self._still, model.layers):
            self._stream = Stream(model, prompts, LONGEST_THOUGHT + LONGEST_SPEECH)

    def think(self, given: Metadata, wanted: Collection[str] = FIELDS, longest_caption: int = LONGEST_CAPTION) -> str:
        """The lines of the wanted fields, those that are given as they are. A caption that finds no end is ended."""
        constraint = Constraint(self._vocabulary.for_grammars, grammar.metadata(given, wanted))
        names = [name for name in FIELDS if name in wanted]
        ids: list[int] = []
        text, captioned = "", 0
        while not constraint.ended and len(ids) < LONGEST_THOUGHT:
            new = constraint.forced()
            if not new:
                field = _field(text)
                captioned += field == "caption"
                closing = _closing(field, names) if captioned >= longest_caption else ""
                new = self._vocabulary.ids(closing)
                if not new or not constraint.may_take(new):
                    new = [self._chosen(constraint.legal(), likeliest=field == "language")]
                if new == [END_OF_TURN]:
                    break
                constraint.take(new)
            ids += new
            self._pending += new
            self.written += len(new)
            text += self._vocabulary.text(new)
            if captioned >= longest_caption and text.endswith("\n") and _field(text) == names[-1] == "caption":
                break
        return self._vocabulary.text(ids)

    def speak(self, opening: str, longest: int = LONGEST_SPEECH) -> str:
        """Free text after `opening`, which is not part of it, until the turn ends, or it goes on in circles."""
        self._pending += self._vocabulary.ids(opening)
        ids: list[int] = []
        while len(ids) < longest:
            chosen = self._chosen(None)
            if chosen == END_OF_TURN:
                self.written += 1
                break
            ids.append(chosen)
            self._pending.append(chosen)
            self.written += 1
            if len(ids) % _LOOK_EVERY == 0 and circling(ids):
                break
        return self._vocabulary.text(ids)

    def _still(self) -> None:
        self._report(self.written / (self.written + USUAL), Stage.PLANNING)

    def _chosen(self, legal: npt.NDArray[np.int64] | None, *, likeliest: bool = False) -> int:
        """The next id, out of those that are legal, or of all text and the end of the turn."""
        self._still()
        how = Sampling(temperature=0) if likeliest else self._how
        with torch.inference_mode(), interrupted_by(self._still, self._model.layers):
            if self._pending:
                self._stream.feed(torch.tensor([self._pending] * self._rows, device=self._model.device))
                self._pending = []
            ids = None if legal is None else torch.from_numpy(legal).to(self._model.device)
            scores = self._scores(ids)
            if not scores.amax(dim=-1).isfinite().all():
                raise BadOutput(BROKEN)
            if self._guided:
                scores = led(scores, self._how.guidance)
            chance = torch.rand(1, generator=self._generator)
            chosen = int(drawn(scores, chance, how))
        return chosen if legal is None else int(legal[chosen])

    def _scores(self, legal: Tensor | None) -> Tensor:
        if legal is not None and len(legal) <= _FEW:
            return (self._stream.last @ self._model.embed_tokens.weight[legal].T).float()
        scores = logits(self._model, self._stream.last, 0, FIRST_CODE)
        if legal is not None:
            return scores[:, legal]
        ends = scores[:, END_OF_TURN].clone()
        scores[:, END_OF_TEXT:] = float("-inf")
        scores[:, END_OF_TURN] = ends
        return scores


def circling(ids: Sequence[int]) -> bool:
    """Whether the newest ids do nothing but repeat themselves."""
    newest = list(ids[-_CIRCLES:])
    return len(newest) == _CIRCLES and any(
        newest[period:] == newest[:-period] for period in range(1, _LONGEST_CIRCLE + 1)
    )


def _field(text: str) -> str:
    """The field that is being written."""
    names = _FIELD.findall(text)
    return names[-1] if names else ""


def _closing(field: str, names: Sequence[str]) -> str:
    """What ends a field: the name of the next."""
    following = names[names.index(field) + 1 :]
    return f"\n{following[0]}:" if following else "\n"
