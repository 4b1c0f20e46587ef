"""Transposed convolution: the way back from a strided one, for networks that answer with a signal."""

from collections.abc import Callable

from torch import Tensor, nn

from audiocnn.nn.ndim import Ndim, Size, check_input, ops, per_axis, whole_number
from audiocnn.nn.shapes import same_padding


class ConvTransposeNormAct(nn.Module):
    """Transposed convolution, batch norm, activation. Lengths become exactly `length * stride`.

    With the same filters, and no norm or activation, it is the transpose of a `ConvNormAct` with that kernel, that
    stride and "same" padding, so that a stack of those can be undone layer by layer. A kernel that is no multiple of
    the stride covers some positions more often than others. The arguments are those of `ConvNormAct`.
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
        bias: bool = False,
        norm: bool = True,
        activation: Callable[[], nn.Module] | None = nn.ReLU,
    ) -> None:
        super().__init__()
        layers = ops(ndim)
        strides = per_axis(stride, ndim, "stride")
        kernels = per_axis(kernel_size, ndim, "kernel_size")
        missing = [max(0, _cut(k) + s - k) for s, k in zip(strides, kernels, strict=True)]
        self.conv = layers.conv_transpose(
            whole_number(in_channels, "in_channels"),
            whole_number(out_channels, "out_channels"),
            kernels,  # type: ignore[arg-type]  # the three layers want tuples of their own lengths
            stride=strides,  # type: ignore[arg-type]
            output_padding=tuple(missing),  # type: ignore[arg-type]
            bias=bias,
        )
        self.norm = layers.norm(out_channels) if norm else nn.Identity()
        self.act = activation() if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, len(self.conv.stride), self.conv.in_channels, "ConvTransposeNormAct")
        out = self.conv(x)
        for axis, (kernel, stride) in enumerate(zip(self.conv.kernel_size, self.conv.stride, strict=True), start=2):
            out = out.narrow(axis, _cut(kernel), x.shape[axis] * stride)
        activated: Tensor = self.act(self.norm(out))
        return activated


def _cut(kernel_size: int) -> int:
    """What the padding of the convolution added before the first position, which is cut off again."""
    return same_padding(kernel_size)[0]
