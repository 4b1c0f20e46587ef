"""Striding without aliasing: a low-pass filter before positions are dropped.

Zhang: "Making convolutional networks shift-invariant again", ICML 2019 (arXiv 1904.11486), section 3.2.
"""

import torch
from torch import Tensor, nn

from audiocnn.nn.ndim import Ndim, Size, check_input, ops, per_axis, whole_number


class AntiAliasedPool(nn.Module):
    """Weighted mean around every `stride`-th position: a fixed triangular filter, nothing to learn.

    The filter of an axis with stride s is 1, 2, ..., s, ..., 2, 1 over s squared, which has zeros at all frequencies
    that the stride would fold to 0. Lengths become ceil(length / stride); beyond the ends there are zeros, as around
    every other convolution here. Raises `ConfigError` for an illegal stride and for input of another shape.
    """

    def __init__(self, ndim: Ndim, channels: int, stride: Size) -> None:
        super().__init__()
        layers = ops(ndim)
        strides = per_axis(stride, ndim, "stride")
        self._channels = whole_number(channels, "channels")
        self.filter = layers.conv(
            channels,
            channels,
            tuple(2 * s - 1 for s in strides),  # type: ignore[arg-type]
            stride=strides,  # type: ignore[arg-type]
            padding=tuple(s - 1 for s in strides),  # type: ignore[arg-type]
            groups=channels,
            bias=False,
        )
        kernel = torch.ones(())
        for s in strides:
            ramp = torch.arange(1.0, s + 1)
            kernel = kernel[..., None] * torch.cat([ramp, ramp[:-1].flip(0)]) / s**2
        # A buffer: saved with the weights and moved with them, but never trained.
        del self.filter.weight
        self.filter.register_buffer("weight", kernel.expand(channels, 1, *kernel.shape).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, len(self.filter.kernel_size), self._channels, "AntiAliasedPool")
        out: Tensor = self.filter(x)
        return out
