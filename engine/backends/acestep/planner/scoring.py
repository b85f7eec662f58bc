"""How well the planner finds the words in the music: the score that takes are ranked by.

The music is told as codes, and the words are put into the planner's mouth. Metadata counts by the rank of each token among the
likely ones; caption and lyrics by how much likelier the codes make them (pointwise mutual information). Weights and scales are
those of the reference implementation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import torch
from torch import Tensor

from engine.backends.acestep.flow import interrupted_by
from engine.backends.acestep.planner import chat
from engine.backends.acestep.planner.metadata import line
from engine.backends.acestep.planner.stream import Stream, logits
from engine.backends.acestep.planner.thinking import Words
from engine.backends.acestep.planner.weights import LanguageModel
from engine.backends.acestep.prompts import is_instrumental
from engine.backends.base import Report, Stage

CAPTION, LYRICS, METADATA = 0.5, 0.3, 0.2
_RANKS = 10
_SCALE = 0.1
"""Nats a token that are a clear difference."""
_AT_ONCE = 32
"""Tokens whose logits of the whole vocabulary are computed together."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Words to be found."""

    ids: Sequence[int]
    weight: float
    likelier: bool
    """Whether it counts by how much likelier the music makes it, else by its tokens' ranks."""


def score(lm: LanguageModel, heard: Sequence[int], words: Words, report: Report) -> float:
    """From 0 to 1, for the codes of a take; raises what `report` raises."""
    targets = list(_targets(lm, words))
    done = 0

    def still() -> None:
        report(done / (len(targets) + 2), Stage.PLANNING)

    with torch.inference_mode(), interrupted_by(still, lm.model.layers):
        given, blind = (_Listener(lm, chat.understand(codes), targets) for codes in (heard, ()))
        done = 2
        total = 0.0
        for target in targets:
            found = given.log_probabilities(target.ids)
            if target.likelier:
                told = float((found.chosen - blind.log_probabilities(target.ids).chosen).mean())
                total += target.weight / (1 + exp(-max(min(told / _SCALE, 50.0), -50.0)))
            else:
                total += target.weight * float((1 - found.ranks / _RANKS).clamp(min=0).mean())
            done += 1
    return total / sum(target.weight for target in targets)


def _targets(lm: LanguageModel, words: Words) -> "list[_Target]":
    ids = lm.vocabulary.ids
    facts = words.metadata.given()
    found = [
        _Target(ids(f"<think>\n{line(name, value)}</think>\n"), METADATA / len(facts), likelier=False)
        for name, value in facts.items()
    ]
    if words.caption:
        caption = line("caption", chat.plain(words.caption))
        found.append(_Target(ids(f"<think>\n{caption}</think>\n"), CAPTION, likelier=True))
    if not is_instrumental(words.lyrics):
        sung = f"<think>\n</think>\n# Lyric\n{chat.plain(words.lyrics)}\n"
        found.append(_Target(ids(sung), LYRICS, likelier=True))
    return found


@dataclass(frozen=True, slots=True)
class _Found:
    chosen: Tensor
    """Log-probability of each token."""
    ranks: Tensor
    """How many ids were likelier, for each token."""


class _Listener:
    """Has read a prompt once, and answers with any words."""

    def __init__(self, lm: LanguageModel, prompt: str, targets: Sequence[_Target]) -> None:
        self._model = lm.model
        self._stream = Stream(lm.model, [lm.vocabulary.ids(prompt)], max(len(target.ids) for target in targets))
        self._read = self._stream.tokens
        self._last = self._stream.last

    def log_probabilities(self, ids: Sequence[int]) -> _Found:
        """Of each id after the prompt and those before it."""
        self._stream.rewind(self._read)
        wanted = torch.tensor(list(ids), device=self._model.device)
        states = torch.cat([self._last, self._stream.feed(wanted[None])[0, :-1]])
        rows = self._model.embed_tokens.weight.shape[0]
        chosen, ranks = [], []
        for first in range(0, len(ids), _AT_ONCE):
            scores = torch.log_softmax(logits(self._model, states[first : first + _AT_ONCE], 0, rows), dim=-1)
            own = scores.gather(1, wanted[first : first + _AT_ONCE, None])
            chosen.append(own[:, 0])
            ranks.append((scores > own).sum(dim=-1))
        return _Found(torch.cat(chosen), torch.cat(ranks))
