"""U-Net over 1, 2 or 3 axes: an output for each position of the input, which sees what is around it at every scale.

Ronneberger, Fischer, Brox: "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015 (arXiv
1505.04597), figure 1; for pictures of sound see Jansson et al., "Singing voice separation with deep U-Net convolutional
networks", ISMIR 2017. With width 12 and a first stride of (2, 1), on 2048 x 47 positions:

    down 1    conv 12 k5, stride (2, 1), block     1024 x 47
    down 2    conv 24 k3, stride 2, block           512 x 24
    down 3    conv 48 k3, stride 2, block           256 x 12
    down 4    conv 96 k3, stride 2, block           128 x  6
    bottom    two blocks, dilated by 2 and 4        128 x  6
    up 3      1x1 conv, doubled, + down 3, block    256 x 12
    up 2      1x1 conv, doubled, + down 2, block    512 x 24
    up 1      1x1 conv, doubled, + down 1, block   1024 x 47
    exit      doubled, the input beside it, conv 8 k3, conv k3

A block is conv k3, norm, ReLU, conv k3, norm, plus its input, ReLU. Deviations: strided convolutions instead of max
pooling, repeated positions and a 1x1 convolution instead of transposed ones, which draw checkers; what was seen on the
way down is added and not put beside; few channels, since a picture of sound has many positions.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiocnn.models.resnet import basic_block
from audiocnn.nn.blocks import ConvNormAct, pointwise
from audiocnn.nn.ndim import Ndim, Size, check_input, ops, whole_number
from audiocnn.nn.residual import Residual

_EXIT = 8


class UNet(nn.Module):
    """`(batch, in_channels, *axes)` of any size to `(batch, out_channels, *axes)`; see the top of the file.

    width: channels of the first step down; each further one has twice as many. steps: how many there are.
    first_stride: of the first step, one number or one per axis; all others halve every axis.
    Raises `ConfigError` for illegal sizes, and in `forward` for input of another shape.
    """

    def __init__(
        self, ndim: Ndim, in_channels: int, out_channels: int, *, width: int, steps: int = 4, first_stride: Size = 2
    ) -> None:
        super().__init__()
        whole_number(width, "width")
        widths = [width * 2**step for step in range(whole_number(steps, "steps"))]
        self._ndim, self._in_channels = ndim, in_channels
        block = basic_block(ndim)
        self.down = nn.ModuleList([_entry(ndim, in_channels, widths[0], 5, first_stride)])
        self.up, self.join = nn.ModuleList(), nn.ModuleList()
        for outer, inner in pairwise(widths):
            self.down.append(_entry(ndim, outer, inner, 3, 2))
            self.up.append(pointwise(ndim, inner, outer, activation=None))
            self.join.append(block(outer, outer, 1))
        self.bottom = nn.Sequential(*[_dilated(ndim, widths[-1], dilation) for dilation in (2, 4)])
        self.exit = nn.Sequential(
            ConvNormAct(ndim, widths[0] + in_channels, _EXIT, 3),
            ops(ndim).conv(_EXIT, out_channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, self._ndim, self._in_channels, "UNet")
        seen = [x]
        for down in self.down:
            seen.append(down(seen[-1]))
        y = self.bottom(seen.pop())
        for up, join in zip(reversed(self.up), reversed(self.join), strict=True):
            wider = seen.pop()
            y = join(torch.relu(F.interpolate(up(y), size=wider.shape[2:]) + wider))
        out: Tensor = self.exit(torch.cat([F.interpolate(y, size=x.shape[2:]), x], dim=1))
        return out


def _entry(ndim: Ndim, in_channels: int, out_channels: int, kernel_size: int, stride: Size) -> nn.Sequential:
    strided = ConvNormAct(ndim, in_channels, out_channels, kernel_size, stride=stride)
    return nn.Sequential(strided, basic_block(ndim)(out_channels, out_channels, 1))


def _dilated(ndim: Ndim, channels: int, dilation: int) -> Residual:
    first = ConvNormAct(ndim, channels, channels, 3, dilation=dilation)
    return Residual(nn.Sequential(first, ConvNormAct(ndim, channels, channels, 3, activation=None)), nn.Identity())
