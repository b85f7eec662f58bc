"""Adapters at work: beside a linear layer, the branches that change what it gives out. The layer's own weights are never touched.

So several adapters act at once, each at its scale, and without them the transformer is what it was, bit for bit.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.backends.acestep.adapter_files import Change, Kronecker, LowRank, read
from engine.backends.acestep.loras import Wanted, place_of
from engine.errors import Unsupported


class LowRankBranch(nn.Module):
    """What a low-rank change adds to a layer's output."""

    def __init__(self, change: LowRank, scale: float) -> None:
        super().__init__()
        self.register_buffer("down", change.down)
        self.register_buffer("up", change.up * scale)

    def forward(self, states: Tensor) -> Tensor:
        """States [..., in] to [..., out]."""
        return functional.linear(functional.linear(states, self.down), self.up)


class KroneckerBranch(nn.Module):
    """What a change that is a Kronecker product adds to a layer's output, without making the product."""

    def __init__(self, change: Kronecker, scale: float) -> None:
        super().__init__()
        self.register_buffer("left", change.left)
        self.register_buffer("right", change.right * scale)

    def forward(self, states: Tensor) -> Tensor:
        """States [..., in] to [..., out]."""
        folded = states.unflatten(-1, (self.left.shape[1], self.right.shape[1]))
        return torch.matmul(self.left, functional.linear(folded, self.right)).flatten(-2)


class Adapted(nn.Module):
    """A linear layer with branches beside it."""

    def __init__(self, base: nn.Module, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.base = base
        self.branches = nn.ModuleList(branches)

    def forward(self, states: Tensor) -> Tensor:
        """States [..., in] to [..., out]."""
        out: Tensor = self.base(states)
        for branch in self.branches:
            out = out + branch(states)
        return out


class Adapters:
    """The adapters of one transformer."""

    def __init__(self, transformer: Any, *, quantised: bool = False) -> None:
        self._transformer = transformer
        self._quantised = quantised
        self._layers = {name: part for name, part in transformer.named_modules() if isinstance(part, nn.Linear)}
        self._worn: tuple[object, ...] = ()

    def wear(self, wanted: Sequence[Wanted]) -> None:
        """From now on these adapters act, and no others; at scale 0 an adapter does not act.

        Raises NoModel and BadModel for files that are not there or not sound, Unsupported for an adapter of another kind or
        another model, and for any where the transformer is in 8 bits. Then those that acted before still do.
        """
        acting = [each for each in wanted if each.scale]
        if acting and self._quantised:
            raise Unsupported(
                "lora: the transformer is in 8 bits on this machine, and takes no adapters; "
                "ACESTEP_QUANTIZATION=none keeps it whole, if it fits"
            )
        places = [place_of(each.name) for each in acting]
        worn = tuple((place.print, each.scale) for place, each in zip(places, acting, strict=True))
        if worn == self._worn:
            return
        branches: dict[str, list[nn.Module]] = {}
        for each, place in zip(acting, places, strict=True):
            for layer, change in read(place, self._layers).items():
                branches.setdefault(layer, []).append(self._branch(each, layer, change))
        for layer, base in self._layers.items():
            self._put(layer, Adapted(base, branches[layer]) if layer in branches else base)
        self._worn = worn

    def _branch(self, wanted: Wanted, layer: str, change: Change) -> nn.Module:
        base = self._layers[layer]
        shape = base.out_features, base.in_features
        if change.shape != shape:
            raise Unsupported(
                f"lora: {wanted.name} is made for another model: its {layer} goes from {change.shape[1]} to {change.shape[0]}, "
                f"this checkpoint's from {shape[1]} to {shape[0]}; adapters of XL and 2B do not fit each other"
            )
        made = (
            LowRankBranch(change, wanted.scale)
            if isinstance(change, LowRank)
            else KroneckerBranch(change, wanted.scale)
        )
        return made.to(base.weight.device, base.weight.dtype)

    def _put(self, layer: str, module: nn.Module) -> None:
        parent, _, child = layer.rpartition(".")
        setattr(self._transformer.get_submodule(parent), child, module)
