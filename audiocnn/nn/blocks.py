"""Convolution, pooling and residual blocks over `ndim` axes. Inputs and outputs are `(batch, channels, *axes)`."""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.nn.ndim import Ndim, Size, check_fits, check_input, check_shape, ops, per_axis, whole_number
from audiocnn.nn.shapes import Span, same_padding

Padding = Literal["same", "valid"] | int | tuple[int, ...]
PoolKind = Literal["max", "avg"]


class ConvNormAct(nn.Module):
    """Convolution, batch norm, activation.

    ndim: 1, 2 or 3. kernel_size, stride, dilation: a whole number, or one per axis.
    padding: "same" keeps the length at stride 1 and gives ceil(length / stride) otherwise, even kernels included; an
      even total is split evenly and the odd zero goes before. "valid" pads nothing. Numbers pad both sides.
    bias: the norm that follows has one, so it is off unless a paper counts it or `norm` is off.
    activation: a module factory, or None.
    Raises `ConfigError` for illegal sizes, and in `forward` for input of another shape or shorter than the filter.
    """

    def __init__(
        self,
        ndim: Ndim,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        *,
        stride: Size = 1,
        padding: Padding = "same",
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = False,
        norm: bool = True,
        activation: Callable[[], nn.Module] | None = nn.ReLU,
    ) -> None:
        super().__init__()
        layers = ops(ndim)
        for name, count in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
            whole_number(count, name)
        if in_channels % groups or out_channels % groups:
            raise ConfigError(
                f"groups must divide in_channels {in_channels} and out_channels {out_channels}, got {groups}"
            )
        self.ndim = ndim
        self._in_channels = in_channels
        self._keeps_length = padding == "same"
        kernels = per_axis(kernel_size, ndim, "kernel_size")
        dilations = per_axis(dilation, ndim, "dilation")
        # torch pads both sides alike, which no even kernel can use; the uneven zeros are added by hand in forward.
        self._uneven: list[int] = []
        both_sides: tuple[int, ...] = (0,) * ndim
        if padding == "same":
            sides = [same_padding(k, d) for k, d in zip(kernels, dilations, strict=True)]
            if all(before == after for before, after in sides):
                both_sides = tuple(before for before, _ in sides)
            else:
                self._uneven = [zeros for side in reversed(sides) for zeros in side]
        elif isinstance(padding, str):
            if padding != "valid":
                raise ConfigError(f"padding must be 'same', 'valid' or a number for each axis, got {padding!r}")
        else:
            both_sides = per_axis(padding, ndim, "padding", minimum=0)
        self.conv = layers.conv(
            in_channels,
            out_channels,
            kernels,  # type: ignore[arg-type]  # the three layers want tuples of their own lengths
            stride=per_axis(stride, ndim, "stride"),  # type: ignore[arg-type]
            padding=both_sides,  # type: ignore[arg-type]
            dilation=dilations,  # type: ignore[arg-type]
            groups=groups,
            bias=bias,
        )
        self.norm = layers.norm(out_channels) if norm else nn.Identity()
        self.act = activation() if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, self.ndim, self._in_channels, "ConvNormAct")
        if self._uneven:
            x = F.pad(x, self._uneven)
        if not self._keeps_length:
            spans = (Span(k, dilation=d) for k, d in zip(self.conv.kernel_size, self.conv.dilation, strict=True))
            check_fits(x, spans, (int(zeros) for zeros in self.conv.padding))
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


def fill_convolutions(network: nn.Module, fill: Callable[[Tensor], Tensor]) -> None:
    """Start the weights of every convolution in `network` with one of torch's `nn.init` functions, as a paper asks."""
    for block in network.modules():
        if isinstance(block, ConvNormAct):
            fill(block.conv.weight)


def pointwise(
    ndim: Ndim,
    in_channels: int,
    out_channels: int,
    *,
    norm: bool = True,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
) -> ConvNormAct:
    """A 1x1 convolution: a linear layer over the channels at each position, without looking at its neighbours."""
    return ConvNormAct(ndim, in_channels, out_channels, 1, norm=norm, activation=activation)


def depthwise(
    ndim: Ndim,
    channels: int,
    kernel_size: Size,
    *,
    stride: Size = 1,
    padding: Padding = "same",
    dilation: Size = 1,
    norm: bool = True,
    activation: Callable[[], nn.Module] | None = nn.ReLU,
) -> ConvNormAct:
    """One filter for each channel, which sees no other: `pointwise` mixes the channels afterwards."""
    return ConvNormAct(
        ndim,
        channels,
        channels,
        kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=channels,
        norm=norm,
        activation=activation,
    )


class LinearNormAct(nn.Module):
    """Fully connected layer with a bias, batch norm, ReLU: `(batch, in_features)` to `(batch, out_features)`."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(whole_number(in_features, "in_features"), whole_number(out_features, "out_features"))
        self.norm: nn.BatchNorm1d | nn.Identity = nn.BatchNorm1d(out_features)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        check_shape(x, (self.linear.in_features,), "LinearNormAct")
        out: Tensor = self.act(self.norm(self.linear(x)))
        return out


class Pool(nn.Module):
    """Max or average pooling; the stride is the window unless given.

    padding: positions added on both sides, at most half a window. They never win a maximum and count as 0 in a mean.
    ceil_mode: the positions after the last whole window give one more output instead of being dropped, so that any
      non-empty input has an output where windows do not overlap. Averages over 3 axes need a whole window all the same.
    Raises `ConfigError` for illegal sizes, and in `forward` for input of another shape or too short for an output.
    """

    def __init__(
        self,
        ndim: Ndim,
        kind: PoolKind,
        kernel_size: Size,
        *,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        layers = ops(ndim)
        if kind not in ("max", "avg"):
            raise ConfigError(f"kind of pooling must be 'max' or 'avg', got {kind!r}")
        layer = layers.max_pool if kind == "max" else layers.avg_pool
        kernels = per_axis(kernel_size, ndim, "kernel_size")
        strides = kernels if stride is None else per_axis(stride, ndim, "stride")
        pads = per_axis(padding, ndim, "padding", minimum=0)
        if any(2 * pad > kernel for pad, kernel in zip(pads, kernels, strict=True)):
            raise ConfigError(f"padding of a pool must be at most half its window {kernel_size!r}, got {padding!r}")
        self.pool = layer(kernels, strides, pads, ceil_mode=ceil_mode)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        sizes: list[tuple[int, ...]] = [self.pool.kernel_size, self.pool.stride, self.pool.padding]  # type: ignore[list-item]
        check_input(x, len(sizes[0]), None, "Pool")
        whole = isinstance(self.pool, nn.AvgPool3d)  # of torch's own making: it does not even count the padding
        for length, kernel, stride, zeros in zip(x.shape[2:], *sizes, strict=True):
            least = kernel if whole else kernel - 2 * zeros - (stride - 1) * self.pool.ceil_mode
            if length < least:
                raise ConfigError(
                    f"kernel_size {kernel} with stride {stride} and padding {zeros} needs an input of at least {least} "
                    f"positions, got {length}; send a longer input, or lower kernel_size"
                )
        out: Tensor = self.pool(x)
        return out


class AdaptivePool(nn.Module):
    """Mean over a grid of `positions` on each axis, whatever the input's size: for linear layers that take one size."""

    def __init__(self, ndim: Ndim, positions: Size) -> None:
        super().__init__()
        self.positions = per_axis(positions, ndim, "positions")
        self.pool = ops(ndim).adaptive_avg_pool(self.positions)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, len(self.positions), None, "AdaptivePool")
        out: Tensor = self.pool(x)
        return out


class InputCheck(nn.Identity):
    """In front of a network that needs `least` positions on each axis: says so before a layer inside fails."""

    def __init__(self, ndim: Ndim, channels: int, network: str, least: int) -> None:
        super().__init__()
        self._expected = (ndim, channels, network, least)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, *self._expected)
        return x


class PadShort(nn.Module):
    """Zeros after an input whose last axis is shorter than `length`; anything longer stays as it is."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = whole_number(length, "length", minimum=0)

    def forward(self, x: Tensor) -> Tensor:
        # Computed with a tensor, so that an exported graph computes it too instead of keeping one input's answer.
        missing = (torch.zeros((), dtype=torch.int64) + (self.length - x.shape[-1])).clamp(min=0)
        return F.pad(x, (0, missing))  # type: ignore[arg-type]


class GlobalPool(nn.Module):
    """One number per channel: over all axes the mean, the maximum or their sum (`mean_plus_max`).

    `mean_max` gives mean and maximum side by side, twice as many numbers as channels.
    """

    def __init__(self, ndim: Ndim, kind: Literal["mean", "max", "mean_plus_max", "mean_max"]) -> None:
        super().__init__()
        ops(ndim)
        self.ndim = ndim
        if kind not in ("mean", "max", "mean_plus_max", "mean_max"):
            raise ConfigError(
                f"kind of global pooling must be 'mean', 'max', 'mean_plus_max' or 'mean_max', got {kind!r}"
            )
        self.kind: Literal["mean", "max", "mean_plus_max", "mean_max"] = kind

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, self.ndim, None, "GlobalPool")
        flat = x.flatten(2)
        if self.kind == "mean":
            return flat.mean(-1)
        if self.kind == "max":
            return flat.amax(-1)
        if self.kind == "mean_plus_max":
            return flat.mean(-1) + flat.amax(-1)
        return torch.cat([flat.mean(-1), flat.amax(-1)], dim=1)


class SqueezeExcite(nn.Module):
    """A gate per channel from the mean over all axes (Hu et al. 2018, section 3): C to ratio * C to C.

    ratio: hidden units per channel, rounded down; below 1 it squeezes, as in the paper, above 1 it widens.
    """

    def __init__(self, ndim: Ndim, channels: int, ratio: float = 1 / 8) -> None:
        super().__init__()
        whole_number(channels, "channels")
        if type(ratio) not in (int, float) or not 0 <= ratio < math.inf:
            raise ConfigError(f"ratio must be a number of hidden units per channel, such as 0.125, got {ratio!r}")
        hidden = int(channels * ratio)
        if hidden < 1:
            raise ConfigError(
                f"squeeze-excite with ratio {ratio} leaves {channels} channels no hidden unit; choose a larger ratio"
            )
        self.pool = GlobalPool(ndim, "mean")
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, self.pool.ndim, self.squeeze.in_features, "SqueezeExcite")
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(self.pool(x)))))
        return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))
