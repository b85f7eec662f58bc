"""How the conditional and the unconditional prediction become one: plain guidance, APG, ADG.

Predictions are velocities [batch, frames, channels], in the convention x(t) = t * noise + (1 - t) * music, v = noise - music.
"""

from typing import Protocol

import torch
from torch import Tensor

APG_MOMENTUM = -0.75
APG_LONGEST = 2.5
"""Longest update over time, in each channel."""
ADG_WIDEST = 3.14 / 6
"""Widest angle by which a frame is turned."""
_SMALL_SINE = 1e-3


class Guidance(Protocol):
    """One job's guidance; some remember earlier steps."""

    def __call__(self, conditional: Tensor, unconditional: Tensor, x: Tensor, time: float) -> Tensor:
        """One velocity from two."""
        ...


class Plain:
    """Classifier-free guidance: further along the difference (Ho & Salimans 2022)."""

    def __init__(self, scale: float) -> None:
        self._scale = scale

    def __call__(self, conditional: Tensor, unconditional: Tensor, x: Tensor, time: float) -> Tensor:
        """Extrapolate."""
        del x, time
        return unconditional + self._scale * (conditional - unconditional)


class Apg:
    """Adaptive projected guidance (Sadat et al. 2024): only what is orthogonal to the conditional prediction, with momentum."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._running: Tensor | None = None

    def __call__(self, conditional: Tensor, unconditional: Tensor, x: Tensor, time: float) -> Tensor:
        """Project the difference over time, channel by channel."""
        del x, time
        difference = conditional - unconditional
        if self._running is not None:
            difference = difference + APG_MOMENTUM * self._running
        self._running = difference
        length = difference.norm(dim=1, keepdim=True)
        update = difference * torch.clamp(APG_LONGEST / length, max=1.0)
        return conditional + (self._scale - 1) * _orthogonal(update, conditional)


def _orthogonal(update: Tensor, direction: Tensor) -> Tensor:
    """The part of `update` that is orthogonal to `direction` over time. Float64, on the CPU where the device has none."""
    device = "cpu" if update.device.type == "mps" else update.device
    of = update.to(device, torch.float64)
    unit = torch.nn.functional.normalize(direction.to(device, torch.float64), dim=1)
    return (of - (of * unit).sum(dim=1, keepdim=True) * unit).to(update.device, update.dtype)


class Adg:
    """Angle-domain guidance: turns each frame of the predicted music away from the unconditional one by a bounded angle."""

    def __init__(self, scale: float) -> None:
        self._weight = max(scale - 1, 0.0) + 1e-3

    def __call__(self, conditional: Tensor, unconditional: Tensor, x: Tensor, time: float) -> Tensor:
        """Rotate in the space of the music, frame by frame."""
        wanted, unwanted = x - time * conditional, x - time * unconditional
        cosine = torch.nn.functional.cosine_similarity(wanted, unwanted, dim=-1).clamp(-1, 1).unsqueeze(-1)
        angle = torch.acos(cosine)
        turned = (self._weight * angle).clamp(-ADG_WIDEST, ADG_WIDEST)
        away = wanted - unwanted
        unit = torch.nn.functional.normalize(unwanted, dim=-1)
        across = away - (away * unit).sum(dim=-1, keepdim=True) * unit
        sine = torch.sin(angle)
        gain = torch.where(sine > _SMALL_SINE, torch.sin(turned) / sine.clamp(min=_SMALL_SINE), self._weight)
        music = torch.cos(turned) * wanted + across * gain
        return (x - music) / time


GUIDANCES: dict[str, type[Plain | Apg | Adg]] = {"apg": Apg, "adg": Adg, "cfg": Plain}
