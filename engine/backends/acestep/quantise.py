"""The transformer in 8 bits, for cards that it does not fit otherwise: by torchao, where it is installed."""

from typing import Any

from torch import nn


def quantise(transformer: Any) -> None:
    """Keep the weights of all linear layers in 8 bits, one scale a row; what is computed with stays in the type that it had.

    In place, where the transformer lies. Convolutions and norms stay whole.
    """
    from torchao.quantization import Int8WeightOnlyConfig, quantize_  # noqa: PLC0415  few need it

    quantize_(transformer, Int8WeightOnlyConfig(), filter_fn=lambda module, _: isinstance(module, nn.Linear))
