"""The language model at work on several texts at once; keys and values of what was read lie in memory taken beforehand."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.backends.acestep.planner.tokens import END_OF_TEXT


class KeyValues:
    """Keys and values of every layer, [layer, 2, row, head, token, dim]; what a model of transformers takes for its cache."""

    def __init__(self, model: Any, rows: int, length: int) -> None:
        settings = model.config
        shape = (settings.num_hidden_layers, 2, rows, settings.num_key_value_heads, length, settings.head_dim)
        self.filled = 0
        self._kept = torch.empty(shape, dtype=model.dtype, device=model.device)

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Keep those of new tokens [row, head, token, dim] and return those of all; called by each layer."""
        end = self.filled + keys.shape[2]
        kept = self._kept[layer]
        kept[0, :, :, self.filled : end] = keys
        kept[1, :, :, self.filled : end] = values
        return kept[0, :, :, :end], kept[1, :, :, :end]

    def get_seq_length(self, *_: Any) -> int:
        """Tokens that are kept; a model asks by this name."""
        return self.filled

    def spread(self, other: "KeyValues", copies: int) -> None:
        """Fill another with these, each row as often as `copies` says."""
        other.filled = self.filled
        other._kept[..., : self.filled, :] = self._kept.repeat_interleave(copies, dim=2)  # noqa: SLF001


class Stream:
    """Texts of different beginnings that go on in step. One row a text; `copies` rows, side by side, of each beginning."""

    def __init__(self, model: Any, beginnings: Sequence[Sequence[int]], longest: int, copies: int = 1) -> None:
        """Read the beginnings; `longest`: how many tokens may follow them."""
        self._model = model
        length = max(map(len, beginnings))
        device = model.device
        # The shorter ones begin later, so that all end together.
        self._blank = torch.tensor([length - len(ids) for ids in beginnings], device=device)
        rows = [[END_OF_TEXT] * (length - len(ids)) + list(ids) for ids in beginnings]
        self._kept = KeyValues(model, len(rows), length)
        states = self.feed(torch.tensor(rows, device=device))
        beginning = self._kept
        self._kept = KeyValues(model, len(rows) * copies, length + longest)
        beginning.spread(self._kept, copies)
        self._blank = self._blank.repeat_interleave(copies)
        self.last: Tensor = states[:, -1].repeat_interleave(copies, dim=0)
        """States of the newest token, [rows, width]."""

    @property
    def tokens(self) -> int:
        """How many were read, the beginning included."""
        return self._kept.filled

    def rewind(self, tokens: int) -> None:
        """Forget what was read after so many tokens."""
        self._kept.filled = tokens

    def feed(self, ids: Tensor) -> Tensor:
        """Go on by ids [rows, tokens]; their states [rows, tokens, width]."""
        first, count = self._kept.filled, ids.shape[1]
        at = torch.arange(first, first + count, device=ids.device)
        states: Tensor = self._model(
            input_ids=ids,
            attention_mask={"full_attention": self._seen(at)},
            position_ids=(at[None] - self._blank[:, None]).clamp(min=0),
            past_key_values=self._kept,
            use_cache=True,
        ).last_hidden_state
        self._kept.filled += count
        self.last = states[:, -1]
        return states

    def _seen(self, at: Tensor) -> Tensor | None:
        """Which tokens each sees, [rows, 1, tokens, all tokens]; None where one sees all, which is faster."""
        if len(at) == 1 and not bool(self._blank.any()):
            return None
        before = torch.arange(int(at[-1]) + 1, device=at.device)
        there = before[None, None, :] >= self._blank[:, None, None]
        # A blank one sees itself, so that its row is not empty: nobody sees it.
        seen = (there & (before[None, None, :] <= at[None, :, None])) | (before[None, None, :] == at[None, :, None])
        return seen[:, None]


def logits(model: Any, states: Tensor, first: int, end: int) -> Tensor:
    """Of the ids from `first` to `end` only, [rows, end - first] in float32; the head is the embedding."""
    found: Tensor = states @ model.embed_tokens.weight[first:end].T
    return found.float()


def led(both: Tensor, scale: float) -> Tensor:
    """Guidance: from [2 * rows, ids], with the prompt and then without, to [rows, ids] further along the difference."""
    asked, unasked = both.chunk(2)
    return unasked + scale * (asked - unasked)
