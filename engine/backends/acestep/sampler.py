"""From noise to latents: the integration of the flow, and what is kept of the source on the way.

Latents are [batch, frames, channels]; x(t) = t * noise + (1 - t) * music, and the model predicts v = noise - music.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi, sin
from typing import Literal, Protocol

import torch
from torch import Tensor

from engine.errors import BadOutput

Method = Literal["euler", "sde", "heun"]


class Noise:
    """Each take's noise: drawn on the CPU in float32, so that a seed means the same everywhere and in every batch."""

    def __init__(self, seeds: Sequence[int], frames: int, channels: int) -> None:
        self._generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._shape = (frames, channels)

    def draw(self) -> Tensor:
        """The next noise of all takes, [takes, frames, channels]."""
        return torch.stack([torch.randn(self._shape, generator=generator) for generator in self._generators])


def varied(noise: Tensor, other: Tensor, share: float) -> Tensor:
    """Noise on its way to another noise, at the same power: 0 is the one, 1 the other."""
    return cos(share * pi / 2) * noise + sin(share * pi / 2) * other


class Field(Protocol):
    """The velocity at a point of the flow."""

    def __call__(self, x: Tensor, time: float, *, corrects: bool = False) -> Tensor:
        """Velocity of the shape of `x`; `corrects` where it only corrects a step that was predicted already."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """Source latents outside of what is rendered."""

    source: Tensor
    """[1, frames, channels]"""
    zone: Tensor
    """[1, frames, 1], 1 where the model renders, 0 where the source stays."""
    injected_steps: int
    """For how many steps the source is put back at its noise level, which keeps the model's surroundings true."""
    ramp_frames: int
    """Over how many frames outside of the zone the result runs into the source."""


def denoise(
    field: Callable[[int], Field],
    noise: Tensor,
    times: Sequence[float],
    *,
    method: Method = "euler",
    fresh: Callable[[], Tensor] | None = None,
    start: Tensor | None = None,
    kept: Kept | None = None,
    stepped: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Integrate from `times[0]` to 0.

    field: the velocity for a step, by its number; fresh: more noise, for `sde`; start: latents that are noised to `times[0]` and
    begun from, instead of from noise; stepped: called after each step. Raises BadOutput for NaN, infinity and silence.
    """
    x = noise if start is None else times[0] * noise + (1 - times[0]) * start
    for number, (time, following) in enumerate(pairwise((*times, 0.0))):
        velocity = field(number)
        v = velocity(x, time)
        if method == "sde" and following > 0:
            assert fresh is not None
            music = x - time * v
            x = following * fresh().to(x) + (1 - following) * music
        elif method == "heun" and following > 0:
            predicted = x - (time - following) * v
            x = x - (time - following) * (v + velocity(predicted, following, corrects=True)) / 2
        else:
            x = x - (time - following) * v
        if kept is not None and number < kept.injected_steps:
            outside = following * noise + (1 - following) * kept.source
            x = torch.where(kept.zone > 0, x, outside)
        stepped(number)
    if not bool(torch.isfinite(x).all()) or not bool(x.any()):
        raise BadOutput("the model returned NaN, infinity or nothing: another seed, fewer steps or float32 may help")
    return x if kept is None else _blended(x, kept)


def _blended(x: Tensor, kept: Kept) -> Tensor:
    """The zone from `x`, the rest from the source, with straight ramps just outside of the zone."""
    weight = ramped(kept.zone[0, :, 0], kept.ramp_frames)[None, :, None].to(x)
    return weight * x + (1 - weight) * kept.source


def ramped(zone: Tensor, frames: int) -> Tensor:
    """A mask [frames] of 0 and 1 that rises and falls over `frames` frames outside of each run of ones."""
    if not frames:
        return zone
    inside = zone > 0
    distance = torch.full(zone.shape, float("inf"))
    at = torch.nonzero(inside.cpu()).flatten()
    if len(at):
        everywhere = torch.arange(zone.shape[0])
        nearest = torch.searchsorted(at, everywhere).clamp(max=len(at) - 1)
        before = (nearest - 1).clamp(min=0)
        distance = torch.minimum((at[nearest] - everywhere).abs(), (at[before] - everywhere).abs()).float()
    return (1 - distance / (frames + 1)).clamp(min=0).to(zone)
