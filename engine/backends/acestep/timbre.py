"""What diffusers leaves out of the timbre encoder of XL checkpoints."""

from typing import Any

import torch


def prepend_special_token(timbre_encoder: torch.nn.Module) -> None:
    """Put the learned token before the reference's frames, as XL checkpoints were trained; the encoder reads it out again.

    The encoder takes its output from the first place of the sequence. In a 2B checkpoint that is the first frame of the
    reference; in XL it is this token, which diffusers 0.42 loads and never uses. Positions and masks follow the longer sequence
    by themselves, as they are made from what `embed_tokens` returns: [references, frames, width] becomes
    [references, 1 + frames, width].
    """

    def prepend(_: torch.nn.Module, __: tuple[Any, ...], embedded: torch.Tensor) -> torch.Tensor:
        token = timbre_encoder.special_token.to(embedded)
        return torch.cat([token.expand(embedded.shape[0], -1, -1), embedded], dim=1)

    timbre_encoder.embed_tokens.register_forward_hook(prepend)
