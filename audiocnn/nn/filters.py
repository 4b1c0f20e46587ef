"""Convolutions with given filters, as the lectures show them before anything is learned."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor

from audiocnn.errors import ConfigError
from audiocnn.nn.blocks import ConvNormAct, Padding
from audiocnn.nn.ndim import Ndim, Size

IMAGE_FILTERS = {
    "edges": ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "blur": ((1 / 16, 2 / 16, 1 / 16), (2 / 16, 4 / 16, 2 / 16), (1 / 16, 2 / 16, 1 / 16)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "vertical edges": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
}
"""Filters of three by three pixels that people made before networks learned theirs (A. Smola, L11)."""


def convolution(
    filters: Tensor | Sequence[Any],
    *,
    bias: Sequence[float] | None = None,
    stride: Size = 1,
    padding: Padding = "valid",
) -> ConvNormAct:
    """A `ConvNormAct` that starts from `filters` and has neither norm nor activation; it can be trained further.

    filters: `(out_channels, in_channels, *kernel)` over 1, 2 or 3 axes, a tensor or nested lists. They are not flipped.
    bias: a number for each output channel.
    Raises `ConfigError` for filters over other axes, a bias of another length, and illegal sizes.
    """
    weight = torch.as_tensor(filters, dtype=torch.float32)
    if not 3 <= weight.ndim <= 5:
        raise ConfigError(
            f"filters must have the shape (out_channels, in_channels, *kernel) with 1 to 3 axes, got "
            f"{tuple(weight.shape)}; wrap a single filter in two more lists, or take filter[None, None]"
        )
    if bias is not None and len(bias) != len(weight):
        raise ConfigError(f"bias must hold a number for each of {len(weight)} filters, got {len(bias)}")
    block = ConvNormAct(
        cast(Ndim, weight.ndim - 2),
        weight.shape[1],
        weight.shape[0],
        tuple(weight.shape[2:]),
        stride=stride,
        padding=padding,
        bias=bias is not None,
        norm=False,
        activation=None,
    )
    with torch.no_grad():
        block.conv.weight.copy_(weight)
        if block.conv.bias is not None:
            block.conv.bias.copy_(torch.as_tensor(bias))
    return block
