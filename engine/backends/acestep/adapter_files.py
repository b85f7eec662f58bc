"""What an adapter's file says, whichever of the usual layouts it has: the change of each linear layer, as factors.

The layouts are those of PEFT, diffusers, kohya and ComfyUI for LoRA, and those of LyCORIS and PEFT for LoKr. They differ in the
names of layers and tensors, and in where they keep alpha. A name is looked up as the layer's own, as the release calls it, or
as diffusers does, with dots or underscores, behind any of the usual prefixes.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from engine.backends.acestep.convert import released_name
from engine.backends.acestep.guard import header, read_json
from engine.backends.acestep.loras import Place
from engine.errors import BadModel, Unsupported

_TENSOR = re.compile(
    r"(?P<layer>.+?)\.(?P<role>lora_A|lora_B|lora_down|lora_up|lora\.down|lora\.up|lokr_w[12](?:_[ab])?|alpha)"
    r"(?:(?:\.\w+)?\.weight)?"
)
_ROLES = {
    **dict.fromkeys(("lora_A", "lora_down", "lora.down"), "down"),
    **dict.fromkeys(("lora_B", "lora_up", "lora.up"), "up"),
}
_PREFIXES = (
    "base_model_model_", "lora_unet_", "lora_transformer_", "lycoris_", "diffusion_model_", "transformer_", "model_", "decoder_",
)  # fmt: skip
_OTHER_KINDS = {
    "lora_magnitude_vector": "DoRA", "dora_scale": "DoRA", "hada_": "LoHa", "lora_mid": "LoRA of convolutions",
    "lokr_t2": "LoKr of convolutions", "oft_": "OFT", ".diff": "full changes",
}  # fmt: skip
_OTHER_TYPES = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways in which PEFT begins a training that change the weights beside the adapter."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """A change of a layer's weights: `up @ down`, [out, rank] by [rank, in]."""

    down: Tensor
    up: Tensor

    def __post_init__(self) -> None:
        """Raises ValueError where their ranks differ."""
        if len(self.down) != self.up.shape[1]:
            raise ValueError(f"one has the rank {len(self.down)}, the other {self.up.shape[1]}")

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weights: out, in."""
        return self.up.shape[0], self.down.shape[1]


@dataclass(frozen=True, slots=True)
class Kronecker:
    """A change of a layer's weights: the Kronecker product of `left` and `right`."""

    left: Tensor
    right: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weights: out, in."""
        return self.left.shape[0] * self.right.shape[0], self.left.shape[1] * self.right.shape[1]


Change = LowRank | Kronecker


def read(place: Place, layers: Iterable[str]) -> dict[str, Change]:
    """The change of each of the named layers that an adapter changes, in float32, with alpha taken into its factors.

    `layers`: names of the transformer's linear layers, as diffusers calls them. Raises BadModel when a file is unsafe, damaged
    or lacks a factor, Unsupported for kinds that are neither LoRA nor LoKr, and for layers that the transformer does not have.
    """
    header(place.weights)
    with safe_open(place.weights, framework="pt") as file:
        settings = _Settings.of(place, file.metadata() or {})
        named: dict[str, dict[str, Tensor]] = {}
        find = _finder(place, layers)
        for name in file.keys():  # noqa: SIM118  it is no mapping
            layer, role = find(name)
            tensor = file.get_tensor(name).float()
            if role in named.setdefault(layer, {}):
                raise BadModel(f"{place.weights}: {layer} has {role} twice")
            if role != "alpha" and tensor.ndim != 2:
                raise BadModel(f"{place.weights}: tensor {name} is no matrix")
            if not torch.isfinite(tensor).all():
                raise BadModel(f"{place.weights}: tensor {name} holds what is no number")
            named[layer][role] = tensor
    if not named:
        raise BadModel(f"{place.weights} holds no tensors")
    return {layer: _change(place, layer, factors, settings) for layer, factors in named.items()}


def _finder(place: Place, layers: Iterable[str]) -> Callable[[str], tuple[str, str]]:
    """From the name of a tensor in a file to layer and role."""
    known = {}
    for layer in layers:
        released = released_name("transformer", f"{layer}.weight").removeprefix("decoder.").removesuffix(".weight")
        known[layer.replace(".", "_")] = known[released.replace(".", "_")] = layer

    def find(name: str) -> tuple[str, str]:
        parts = _TENSOR.fullmatch(name)
        if parts is None:
            kind = next((kind for sign, kind in _OTHER_KINDS.items() if sign in name), None)
            why = f"belongs to {kind}" if kind else "is of no kind that is known"
            raise Unsupported(f"{place.weights}: tensor {name} {why}; LoRA and LoKr of linear layers can be loaded")
        alias = parts["layer"].replace(".", "_")
        while alias not in known:
            prefix = next((prefix for prefix in _PREFIXES if alias.startswith(prefix)), None)
            if prefix is None:
                raise Unsupported(
                    f"{place.weights} changes {parts['layer']}, and this checkpoint's transformer has no such linear layer: "
                    "the adapter is made for another model; those of XL and 2B do not fit each other"
                )
            alias = alias.removeprefix(prefix)
        return known[alias], _ROLES.get(parts["role"], parts["role"])

    return find


@dataclass(frozen=True, slots=True)
class _Settings:
    """Rank and alpha where a file keeps them apart from its tensors."""

    alpha: float | None = None
    rank: float | None = None
    alphas: Mapping[str, float] | None = None
    """By patterns of layer names, as PEFT matches them."""
    ranks: Mapping[str, float] | None = None
    rooted: bool = False
    """Whether the scale is alpha by the root of the rank (rsLoRA)."""

    @classmethod
    def of(cls, place: Place, metadata: Mapping[str, str]) -> "_Settings":
        if place.config is not None:
            return cls._of_peft(place, read_json(place.config))
        if "lora_adapter_metadata" in metadata:
            told = _object(place, metadata["lora_adapter_metadata"])
            return cls._of_peft(place, {key.removeprefix("transformer."): value for key, value in told.items()})
        if "lokr_config" in metadata:
            told = _object(place, metadata["lokr_config"])
            return cls(alpha=told.get("linear_alpha"), rank=told.get("linear_dim"))
        return cls()

    @classmethod
    def _of_peft(cls, place: Place, config: Mapping[str, Any]) -> "_Settings":
        kind = str(config.get("peft_type") or "LORA")
        beginning = str(config.get("init_lora_weights"))
        if kind not in {"LORA", "LOKR"}:
            raise Unsupported(f"{place.weights} is an adapter of the kind {kind}; LoRA and LoKr can be loaded")
        if config.get("use_dora"):
            raise Unsupported(f"{place.weights} belongs to DoRA; LoRA and LoKr of linear layers can be loaded")
        if beginning.lower().startswith(_OTHER_TYPES):
            raise Unsupported(
                f"{place.weights} was trained on weights changed by {beginning}: save it as a plain LoRA first"
            )
        alpha = config.get("lora_alpha", config.get("alpha"))
        return cls(
            alpha,
            config.get("r"),
            config.get("alpha_pattern"),
            config.get("rank_pattern"),
            bool(config.get("use_rslora")),
        )

    def scale(self, layer: str, alpha: float | None, rank: int | None) -> float:
        """Of a change, by the tensors' own alpha and rank where they have them."""
        if alpha is not None:
            return alpha / rank if rank else 1.0
        told = _matching(self.alphas, layer, self.alpha)
        known = rank or _matching(self.ranks, layer, self.rank)
        if told is None or not known:
            return 1.0
        return told / (math.sqrt(known) if self.rooted else known)


def _matching(patterns: Mapping[str, float] | None, layer: str, otherwise: float | None) -> float | None:
    """The value of the first pattern that the end of a layer's name fits, under the release's name or diffusers'."""
    released = released_name("transformer", f"{layer}.weight").removeprefix("decoder.").removesuffix(".weight")
    for pattern, value in (patterns or {}).items():
        if any(re.match(rf"(.*\.)?({pattern})$", name) for name in (released, layer)):
            return value
    return otherwise


def _object(place: Place, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadModel(f"{place.weights}: its metadata cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise BadModel(f"{place.weights}: its metadata is no JSON object")
    return found


def _change(place: Place, layer: str, factors: Mapping[str, Tensor], settings: _Settings) -> Change:
    try:
        alpha = float(factors["alpha"]) if "alpha" in factors else None
        if "down" in factors or "up" in factors:
            down, up = factors["down"], factors["up"]
            return LowRank(down, up * settings.scale(layer, alpha, len(down)))
        left, left_rank = _factor(factors, "lokr_w1")
        right, right_rank = _factor(factors, "lokr_w2")
        return Kronecker(left, right * settings.scale(layer, alpha, right_rank or left_rank))
    except KeyError as error:
        raise BadModel(f"{place.weights}: {layer} lacks its factor {error.args[0]}") from None
    except (RuntimeError, ValueError, TypeError, re.error) as error:
        raise BadModel(f"{place.weights}: the factors of {layer} do not fit each other: {error}") from None


def _factor(factors: Mapping[str, Tensor], name: str) -> tuple[Tensor, int | None]:
    """A factor of a Kronecker product, itself whole or a product; with the rank of the latter."""
    if name in factors:
        return factors[name], None
    first, second = factors[f"{name}_a"], factors[f"{name}_b"]
    return first @ second, len(second)
