"""From logits to ids: repetition penalty, top-k, top-p, temperature, and a number of one's own for every draw."""

from dataclasses import dataclass

import torch
from torch import Tensor

_LIKELY = 2048
"""Ids that are sorted at first; where these do not hold the share that top-p keeps, all are."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How ids are drawn; the defaults are those that the model's makers recommend for a plan."""

    temperature: float = 0.85
    """0: always the likeliest."""
    guidance: float = 2.0
    """1: none."""
    top_p: float = 0.9
    top_k: int = 0
    """0: all."""
    repetition: float = 1.0
    """1: what was written before is no less likely."""


def drawn(scores: Tensor, chances: Tensor, how: Sampling, seen: Tensor | None = None) -> Tensor:
    """One index a row of logits [rows, ids] in float32.

    chances: a number from 0 to 1 for each row, on which alone the draw depends; seen: [rows, ids], what was written before.
    """
    if seen is not None and how.repetition != 1.0:
        less = torch.where(scores > 0, scores / how.repetition, scores * how.repetition)
        scores = torch.where(seen, less, scores)
    if how.temperature == 0:
        return scores.argmax(dim=-1)
    ranked, ids = _ranked(scores, how)
    shares = torch.softmax(ranked / how.temperature, dim=-1, dtype=torch.float32).cumsum(dim=-1)
    wanted = chances.to(shares)[:, None] * shares[:, -1:]
    place = torch.searchsorted(shares, wanted, right=True).clamp(max=ranked.shape[1] - 1)
    # Rounding may point behind the last that is possible. Where numbers broke none is, and -1 would be no index.
    possible = ((ranked > float("-inf")).sum(dim=-1, keepdim=True) - 1).clamp(min=0)
    return ids.gather(1, torch.minimum(place, possible))[:, 0]


def _ranked(scores: Tensor, how: Sampling) -> tuple[Tensor, Tensor]:
    """Falling logits and their ids; those that top-k and top-p leave out are -inf."""
    count = scores.shape[1]
    kept = min(how.top_k or count, count)
    if how.top_p >= 1:
        ranked, ids = scores.topk(kept)
        return ranked, ids
    whole = scores.logsumexp(dim=-1, keepdim=True)
    if how.top_k:
        ranked, ids = scores.topk(kept)
        whole = ranked.logsumexp(dim=-1, keepdim=True)
    else:
        ranked, ids = scores.topk(min(_LIKELY, count))
    share = (ranked - whole).exp().cumsum(dim=-1)
    if ranked.shape[1] < kept and bool((share[:, -1] < how.top_p).any()):
        ranked, ids = scores.sort(dim=-1, descending=True)
        share = (ranked - whole).exp().cumsum(dim=-1)
    # The first always stays, and the one that crosses the share.
    before = torch.cat([torch.zeros_like(share[:, :1]), share[:, :-1]], dim=-1)
    return ranked.masked_fill(before >= how.top_p, float("-inf")), ids
