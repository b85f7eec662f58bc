"""The second half of a plan: exactly as many audio codes as the piece is long."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.backends.acestep.flow import interrupted_by
from engine.backends.acestep.planner.sampling import Sampling, drawn
from engine.backends.acestep.planner.stream import Stream, led, logits
from engine.backends.acestep.planner.tokens import CODES, CODES_A_SECOND, FIRST_CODE
from engine.backends.base import Report, Stage
from engine.errors import BadOutput

BROKEN = "the planner returned NaN or infinity: planner off does without it"


def count(seconds: float) -> int:
    """Codes of a piece of that length; a fifth of a second that is not whole has none."""
    return int(round(seconds * CODES_A_SECOND, 6))


def written(
    model: Any,
    asked: Sequence[int],
    unasked: Sequence[int],
    how_many: int,
    seeds: Sequence[int],
    how: Sampling,
    report: Report,
) -> Tensor:
    """Codes [seeds, how_many], each from 0 to 63,999, after the prompt `asked`, led away from the prompt `unasked`.

    Only the codes' rows of the head are computed, so that nothing else can come. A seed's draws are its own; only rounding lets
    those beside it matter. Raises BadOutput for a model whose numbers break, and what `report` raises.
    """
    guided = how.guidance != 1.0
    chances = torch.stack([torch.rand(how_many, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds])
    chances = chances.to(model.device)
    done = 0
    whole = torch.ones((), dtype=torch.bool, device=model.device)

    def still() -> None:
        report(done / how_many, Stage.PLANNING)

    found = torch.empty(len(seeds), how_many, dtype=torch.long, device=model.device)
    seen = torch.zeros(len(seeds), CODES, dtype=torch.bool, device=model.device) if how.repetition != 1.0 else None
    with torch.inference_mode(), interrupted_by(still, model.layers):
        stream = Stream(model, [asked, unasked] if guided else [asked], how_many, copies=len(seeds))
        for done in range(how_many):
            still()
            scores = logits(model, stream.last, FIRST_CODE, FIRST_CODE + CODES)
            whole &= scores.isfinite().all()
            chosen = drawn(led(scores, how.guidance) if guided else scores, chances[:, done], how, seen)
            found[:, done] = chosen
            if seen is not None:
                seen.scatter_(1, chosen[:, None], value=True)
            if done + 1 < how_many:
                following = (chosen + FIRST_CODE)[:, None]
                stream.feed(following.repeat(2, 1) if guided else following)
    if not whole:
        raise BadOutput(BROKEN)
    return found.cpu()
