"""Transposed convolution: the way back from a strided one, for networks that answer with a signal."""

from collections.abc import Callable

from torch import Tensor, nn

from audiocnn.nn.ndim import Ndim, Size, check_input, ops, per_axis
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
        self._in_channels = in_channels
        self._strides = per_axis(stride, ndim, "stride")
        kernels = per_axis(kernel_size, ndim, "kernel_size")
        # What the padding of the convolution added before the first position is cut off again.
        self._cuts = [same_padding(k)[0] for k in kernels]
        missing = [max(0, c + s - k) for c, s, k in zip(self._cuts, self._strides, kernels, strict=True)]
        self.conv = layers.conv_transpose(
            in_channels,
            out_channels,
            kernels,  # type: ignore[arg-type]  # the three layers want tuples of their own lengths
            stride=self._strides,  # type: ignore[arg-type]
            output_padding=tuple(missing),  # type: ignore[arg-type]
            bias=bias,
        )
        self.norm = layers.norm(out_channels) if norm else nn.Identity()
        self.act = activation() if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, len(self._strides), self._in_channels, "ConvTransposeNormAct")
        out = self.conv(x)
        for axis, (cut, stride) in enumerate(zip(self._cuts, self._strides, strict=True), start=2):
            out = out.narrow(axis, cut, x.shape[axis] * stride)
        activated: Tensor = self.act(self.norm(out))
        return activated
