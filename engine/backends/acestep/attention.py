"""Attention of the diffusion transformer without what it computes in vain, exact.

Every second layer attends 128 patches to either side, but diffusers' processor computes all pairs under a dense mask; and
keys and values of the condition, which no step changes, are projected anew at every step. These processors do neither.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention_dispatch import AttentionBackendName
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor
from torch.nn import functional

_DENSE_UP_TO_WINDOWS = 3
"""Up to this many windows, blocks would save nothing."""
_FORMS = 64
"""In which a layer's code may be compiled."""


class ConditionMemory:
    """Keys and values of the conditions of one job, layer by layer."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Hashable, int], tuple[Tensor, Tensor]] = {}
        self._condition: Hashable = None

    @contextmanager
    def holding(self, condition: Hashable) -> Iterator[None]:
        """Within it, the model is given the condition that goes by this name."""
        self._condition = condition
        try:
            yield
        finally:
            self._condition = None

    def clear(self) -> None:
        """Forget all: another job, or other weights."""
        self._kept.clear()

    # Compiled code would be made anew for every layer and condition that is remembered.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def keys_and_values(self, attention: Any, states: Tensor) -> tuple[Tensor, Tensor]:
        """Of one layer; projected when it first sees a condition, and at every call outside of `holding`."""
        name = (self._condition, id(attention))
        if self._condition is None or name not in self._kept:
            found = _key(attention, states), _value(attention, states)
            if self._condition is None:
                return found
            self._kept[name] = found
        return self._kept[name]


def prepare(transformer: Any) -> ConditionMemory:
    """Give every layer of an AceStepTransformer1DModel its processor; returns what keeps the conditions."""
    memory = ConditionMemory()
    for layer in transformer.layers:
        layer.self_attn.set_processor(SelfAttention())
        layer.cross_attn.set_processor(CrossAttention(memory))
    return memory


def compile_layers(transformer: Any, backend: str | Callable[..., Any] = "inductor") -> None:
    """Compile the layers of an AceStepTransformer1DModel, for any length; `backend`: one of torch.compile's."""
    # All layers share one code, with a form for each kind of layer, of length, of batch, with and without adapters. Beyond
    # the limit, which is 8 else, torch would run the rest as if nothing were compiled.
    torch._dynamo.config.recompile_limit = max(_FORMS, torch._dynamo.config.recompile_limit)  # noqa: SLF001  its only name
    for layer in transformer.layers:
        layer.compile(dynamic=True, backend=backend)


class SelfAttention:
    """Self-attention; in blocks where the layer has a window."""

    _attention_backend = AttentionBackendName.FLASH
    """Only so that the model does not build its dense mask, which blocks need not: no flash kernel is called."""
    _parallel_config = None

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """States [batch, patches, width] to states of the same shape."""
        del encoder_hidden_states, attention_mask
        query, key, value = _query(attn, hidden_states), _key(attn, hidden_states), _value(attn, hidden_states)
        if image_rotary_emb is not None:
            query, key = _rotated(query, image_rotary_emb), _rotated(key, image_rotary_emb)
        query, key, value = (heads.transpose(1, 2) for heads in (query, key, value))
        window = attn.sliding_window
        if window is None or query.shape[2] <= window + 1:
            mixed = _attended(attn, query, key, value)
        elif query.shape[2] <= _DENSE_UP_TO_WINDOWS * window:
            mixed = _attended(attn, query, key, value, _band(query.shape[2], window, query.device))
        else:
            mixed = _in_blocks(attn, query, key, value, window)
        return _out(attn, mixed)


class CrossAttention:
    """Attention to the condition, with keys and values kept over the steps."""

    _attention_backend = None
    _parallel_config = None

    def __init__(self, memory: ConditionMemory) -> None:
        self._memory = memory

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """States [batch, patches, width] to states of the same shape."""
        del attention_mask, image_rotary_emb
        assert encoder_hidden_states is not None
        key, value = self._memory.keys_and_values(attn, encoder_hidden_states)
        query = _query(attn, hidden_states)
        return _out(attn, _attended(attn, query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)))


def weights(attention: Any, states: Tensor, condition: Tensor, heads: Sequence[int]) -> Tensor:
    """How much some heads of a cross-attention attend to each state of the condition: [batch, heads, patches, states]."""
    query = _query(attention, states)[:, :, heads]
    shared = attention.heads // attention.kv_heads
    key = _key(attention, condition)[:, :, [head // shared for head in heads]]
    scores = query.transpose(1, 2).float() @ key.permute(0, 2, 3, 1).float() * attention.scaling
    return scores.softmax(dim=-1)


def _query(attn: Any, states: Tensor) -> Tensor:
    normed: Tensor = attn.norm_q(attn.to_q(states).unflatten(-1, (attn.heads, attn.head_dim)))
    return normed


def _key(attn: Any, states: Tensor) -> Tensor:
    normed: Tensor = attn.norm_k(attn.to_k(states).unflatten(-1, (attn.kv_heads, attn.head_dim)))
    return normed


def _value(attn: Any, states: Tensor) -> Tensor:
    value: Tensor = attn.to_v(states).unflatten(-1, (attn.kv_heads, attn.head_dim))
    return value


def _rotated(heads: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
    turned: Tensor = apply_rotary_emb(heads, rotary, use_real=True, use_real_unbind_dim=-2, sequence_dim=1)
    return turned


def _out(attn: Any, mixed: Tensor) -> Tensor:
    """Heads [batch, heads, patches, dim] back to states."""
    states: Tensor = attn.to_out[1](attn.to_out[0](mixed.transpose(1, 2).flatten(2)))
    return states


def _attended(attn: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    grouped = attn.heads != attn.kv_heads
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=attn.scaling, enable_gqa=grouped
    )


def _band(patches: int, window: int, device: torch.device) -> Tensor:
    at = torch.arange(patches, device=device)
    return (at[:, None] - at[None, :]).abs() <= window


def _in_blocks(attn: Any, query: Tensor, key: Tensor, value: Tensor, window: int) -> Tensor:
    """Each block of `window` patches attends to itself and its two neighbours, which is all that the band lets it see."""
    batch, heads, patches, dim = query.shape
    blocks = -(-patches // window)
    missing = blocks * window - patches

    def neighbourhoods(of: Tensor) -> Tensor:
        """[batch, heads, patches, dim] to [batch * blocks, heads, 3 * window, dim]."""
        padded = functional.pad(of, (0, 0, window, window + missing))
        views = padded.unfold(2, 3 * window, window)
        return views.permute(0, 2, 1, 4, 3).reshape(batch * blocks, of.shape[1], 3 * window, dim)

    rows = functional.pad(query, (0, 0, 0, missing)).unflatten(2, (blocks, window))
    rows = rows.transpose(1, 2).reshape(batch * blocks, heads, window, dim)
    seen = _seen(blocks, window, patches, query.device).repeat(batch, 1, 1, 1)
    mixed = _attended(attn, rows, neighbourhoods(key), neighbourhoods(value), seen)
    mixed = mixed.unflatten(0, (batch, blocks)).transpose(1, 2).flatten(2, 3)
    return mixed[:, :, :patches]


def _seen(blocks: int, window: int, patches: int, device: torch.device) -> Tensor:
    """Which patch of its neighbourhood each patch of each block sees: [blocks, 1, window, 3 * window]."""
    row = torch.arange(window, device=device)[:, None]
    column = torch.arange(3 * window, device=device)[None, :] - window
    near = (row - column).abs() <= window
    at = torch.arange(blocks, device=device)[:, None, None] * window + column
    there = (at >= 0) & (at < patches)
    # A row beyond the end sees itself, so that it is not empty: nobody reads it.
    return ((near & there) | (row == column)).unsqueeze(1)
