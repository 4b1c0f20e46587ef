"""Convolution, pooling and residual blocks over `ndim` axes. Inputs and outputs are `(batch, channels, *axes)`."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.nn.ndim import Ndim, Size, check_input, ops, per_axis
from audiocnn.nn.shapes import same_padding

Padding = Literal["same", "valid"] | int | tuple[int, ...]
PoolKind = Literal["max", "avg"]


class ConvNormAct(nn.Module):
    """Convolution, batch norm, activation.

    ndim: 1, 2 or 3. kernel_size, stride, dilation: a whole number, or one per axis.
    padding: "same" keeps the length at stride 1 and gives ceil(length / stride) otherwise, even kernels included; an
      even total is split evenly and the odd zero goes before. "valid" pads nothing. Numbers pad both sides.
    bias: the norm that follows has one, so it is off unless a paper counts it or `norm` is off.
    activation: a module factory, or None.
    Raises `ConfigError` for illegal sizes, and in `forward` for input of another shape.
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
        self.ndim = ndim
        self._in_channels = in_channels
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
        out: Tensor = self.act(self.norm(self.conv(x)))
        return out


class Pool(nn.Module):
    """Max or average pooling; the stride is the window unless given.

    ceil_mode: the positions after the last whole window give one more output instead of being dropped, so that any
      non-empty input has an output.
    """

    def __init__(
        self, ndim: Ndim, kind: PoolKind, kernel_size: Size, *, stride: Size | None = None, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        layers = ops(ndim)
        if kind not in ("max", "avg"):
            raise ConfigError(f"kind of pooling must be 'max' or 'avg', got {kind!r}")
        layer = layers.max_pool if kind == "max" else layers.avg_pool
        kernels = per_axis(kernel_size, ndim, "kernel_size")
        strides = kernels if stride is None else per_axis(stride, ndim, "stride")
        self.pool = layer(kernels, strides, ceil_mode=ceil_mode)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pool(x)
        return out


class GlobalPool(nn.Module):
    """One number per channel: the mean over all axes, the maximum, or both side by side (`mean_max`, 2 x channels)."""

    def __init__(self, ndim: Ndim, kind: Literal["mean", "max", "mean_max"]) -> None:
        super().__init__()
        ops(ndim)
        if kind not in ("mean", "max", "mean_max"):
            raise ConfigError(f"kind of global pooling must be 'mean', 'max' or 'mean_max', got {kind!r}")
        self._kind = kind

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        if self._kind == "mean":
            return flat.mean(-1)
        if self._kind == "max":
            return flat.amax(-1)
        return torch.cat([flat.mean(-1), flat.amax(-1)], dim=1)


class SqueezeExcite(nn.Module):
    """A gate per channel from the mean over all axes (Hu et al. 2018, section 3): C to C / reduction to C."""

    def __init__(self, ndim: Ndim, channels: int, reduction: int = 8) -> None:
        super().__init__()
        if channels < reduction:
            raise ConfigError(f"squeeze-excite needs at least {reduction} channels (its reduction), got {channels}")
        self.pool = GlobalPool(ndim, "mean")
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(self.pool(x)))))
        return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))
