"""Which part of a take sings which line: read from the attention that some heads of the transformer pay to the lyrics.

Source: the lyric alignment of the reference implementation, which names the heads and the way from their attention to a path. The
path itself is found as the likeliest one on which every patch sings one token, and tokens follow each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.backends.acestep.attention import weights
from engine.units import Seconds

Floats = npt.NDArray[np.float32]
Heads = Mapping[int, Sequence[int]]
_SOUNDING = 0.1
"""Attention, of the largest there is, from which on a token counts as sung."""
_TOLERANCE = 9
"""Patches that a token may be sung before its predecessor and still be in order."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Where the lines are sung."""

    lines: tuple[tuple[Seconds, str], ...]
    """The beginning of each line, from the first frame of the take; headings in brackets are no lines."""
    score: float
    """How clearly the words are heard, and in their order: 0 to 1."""


class Listening:
    """Collects the attention of some heads to the first states of the condition, while the transformer runs once."""

    def __init__(self, transformer: Any, heads: Heads, tokens: int) -> None:
        """`tokens`: how many of the condition's states are lyrics."""
        self._transformer = transformer
        self._heads = heads
        self._tokens = tokens
        self._found: list[Tensor] = []

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._handles = [
            self._transformer.layers[layer].cross_attn.register_forward_pre_hook(
                self._listener(heads), with_kwargs=True
            )
            for layer, heads in self._heads.items()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        for handle in self._handles:
            handle.remove()

    def _listener(self, heads: Sequence[int]) -> Any:
        def listen(attention: Any, _: Any, given: Mapping[str, Any]) -> None:
            found = weights(attention, given["hidden_states"], given["encoder_hidden_states"], heads)
            self._found.append(found[0, :, :, : self._tokens].transpose(1, 2))

        return listen

    @property
    def energy(self) -> Floats:
        """Attention, [heads, tokens, patches]."""
        found: Floats = torch.cat(self._found).float().cpu().numpy()
        return found


def cleared(energy: Floats) -> Floats:
    """[heads, tokens, patches] to [tokens, patches], where what is attended to all the time is taken away."""
    both = _softmax(energy, 2) * _softmax(energy, 1)
    for axis in (2, 1):
        both = both - 2 * np.median(both, axis=axis, keepdims=True)
    squared = np.maximum(both, 0) ** 2
    spread = squared.std(axis=(1, 2), keepdims=True)
    standard = (squared - squared.mean(axis=(1, 2), keepdims=True)) / np.maximum(spread, 1e-12)
    merged: Floats = standard.mean(axis=0).astype(np.float32)
    return merged


def path(energy: Floats) -> npt.NDArray[np.int64]:
    """The token that each patch sings, of [tokens, patches] with as many patches as tokens or more: the likeliest rising path."""
    tokens, patches = energy.shape
    best = np.full(tokens, -np.inf)
    best[0] = energy[0, 0]
    moved = np.zeros((patches, tokens), np.bool_)
    for patch in range(1, patches):
        before = np.concatenate([[-np.inf], best[:-1]])
        moved[patch] = before > best
        best = np.where(moved[patch], before, best) + energy[:, patch]
    sung = np.empty(patches, np.int64)
    token = tokens - 1
    for patch in range(patches - 1, -1, -1):
        sung[patch] = token
        token -= int(moved[patch, token])
    return sung


def aligned(energy: Floats, lines: Sequence[int], texts: Sequence[str], seconds: Seconds) -> Aligned | None:
    """Where lines are sung; None where there are more tokens than patches.

    energy: as `Listening` gives it; lines: the line of each token, by its place in `texts`; seconds: of the whole take.
    """
    if not lines or energy.shape[1] > energy.shape[2]:
        return None
    clear = cleared(energy)
    sung = path(clear)
    patch = seconds / clear.shape[1]
    # A token's first patch; a path that rises by one meets all of them.
    first = np.searchsorted(sung, np.arange(clear.shape[0]))
    found: dict[int, Seconds] = {}
    for token, number in enumerate(lines):
        found.setdefault(number, Seconds(round(float(first[token]) * patch, 3)))
    told = tuple((begin, texts[number].strip()) for number, begin in found.items() if is_sung(texts[number]))
    return Aligned(told, _score(clear, sung))


def is_sung(line: str) -> bool:
    """Whether a line of lyrics is words, not a heading in brackets."""
    return bool(line.strip()) and not (line.strip().startswith("[") and line.strip().endswith("]"))


def _score(clear: Floats, sung: npt.NDArray[np.int64]) -> float:
    """Coverage squared, order squared, and how sure the path is."""
    span = float(clear.max() - clear.min())
    if span <= 0:
        return 0.0
    scaled = ((clear - clear.min()) / span) ** 2
    coverage = float((scaled.max(axis=1) > _SOUNDING).mean())
    places = np.arange(clear.shape[1])
    centres = (scaled * places).sum(axis=1) / np.maximum(scaled.sum(axis=1), 1e-12)
    order = float((np.diff(centres) >= -_TOLERANCE).mean()) if len(centres) > 1 else 1.0
    sure = float(np.sqrt(scaled[sung, places]).mean())
    return coverage**2 * order**2 * sure


def _softmax(values: Floats, axis: int) -> Floats:
    raised = np.exp(values - values.max(axis=axis, keepdims=True))
    shares: Floats = raised / raised.sum(axis=axis, keepdims=True)
    return shares
