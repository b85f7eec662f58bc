"""The transformer as a velocity field: condition, guidance and memory put together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.backends.acestep.attention import ConditionMemory
from engine.backends.acestep.guidance import GUIDANCES, Guidance, Plain


@dataclass(frozen=True, slots=True)
class Condition:
    """What the transformer is given beside the noisy latents."""

    name: str
    """Sets it apart from the job's other conditions."""
    states: Tensor
    """[1, tokens, width]: lyrics, timbre and text, from the condition encoder."""
    context: Tensor
    """[1, frames, 2 * channels]: source latents and, for each channel, 1 where the model renders."""


@dataclass(frozen=True, slots=True)
class Steering:
    """How strongly, in which manner and when guidance acts; a scale of 1 is none."""

    scale: float = 1.0
    kind: str = "apg"
    earliest: float = 0.0
    latest: float = 1.0
    """It acts at times from `earliest` to `latest`, where 1 is noise."""

    def make(self) -> Guidance | None:
        """Guidance for one job."""
        return GUIDANCES[self.kind](self.scale) if self.scale != 1.0 else None


class Flow:
    """One job's field; the condition may change on the way, the guidance's momentum goes on."""

    def __init__(
        self, transformer: Any, memory: ConditionMemory, condition: Condition, null: Tensor, steering: Steering
    ) -> None:
        """`null` is [1, 1, width]: the learned condition of nothing asked for."""
        self.condition = condition
        self._transformer = transformer
        self._memory = memory
        self._null = null
        self._steering = steering
        self._guidance = steering.make()

    def __call__(self, x: Tensor, time: float, *, corrects: bool = False) -> Tensor:
        """Velocity at `x` [takes, frames, channels]."""
        guidance = Plain(self._steering.scale) if corrects and self._guidance else self._guidance
        if guidance is None or not self._steering.earliest <= time <= self._steering.latest:
            return self._predicted(x, time, self.condition.states, "")
        states = self.condition.states
        both = torch.cat([states, self._null.to(states).expand_as(states)])
        conditional, unconditional = self._predicted(x, time, both, "guided").chunk(2)
        return guidance(conditional, unconditional, x, time)

    def _predicted(self, x: Tensor, time: float, states: Tensor, kind: str) -> Tensor:
        """One pass; with several rows of states each take is predicted once a row, row by row."""
        takes, rows = x.shape[0], states.shape[0] * x.shape[0]
        dtype = self._transformer.dtype
        at = torch.full((rows,), time, device=x.device, dtype=dtype)
        with self._memory.holding((self.condition.name, kind, takes)):
            (velocity,) = self._transformer(
                hidden_states=x.to(dtype).repeat(states.shape[0], 1, 1),
                timestep=at,
                timestep_r=at,
                encoder_hidden_states=states.to(dtype).repeat_interleave(takes, dim=0),
                context_latents=self.condition.context.to(dtype).expand(rows, -1, -1),
                return_dict=False,
            )
        result: Tensor = velocity.to(x.dtype)
        return result


@contextmanager
def interrupted_by(call: Callable[[], None], modules: Any) -> Iterator[None]:
    """Run `call` before each of these modules does its work: what it raises ends the pass there."""
    handles = [module.register_forward_pre_hook(lambda *_: call()) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
