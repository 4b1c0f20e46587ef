"""ResNet-18 over 1, 2 or 3 axes, and its two forms for video: R3D-18 and R(2+1)D-18.

He, Zhang, Ren, Sun: "Deep residual learning for image recognition", CVPR 2016 (arXiv 1512.03385), Table 1, 18 layers.
Tran, Wang, Torresani, Ray, LeCun, Paluri: "A closer look at spatiotemporal convolutions for action recognition", CVPR
2018 (arXiv 1711.11248), Table 1 and section 3.5, with the sizes of torchvision.

                 ResNet-18           R3D-18                     R(2+1)D-18
    input        224 x 224           16 x 112 x 112             16 x 112 x 112
    stem         64 k7 s2            64 k(3, 7, 7) s(1, 2, 2)   45 k(1, 7, 7) s(1, 2, 2), 64 k(3, 1, 1)
                 max pool 3 s2
    stage 1      (64, 64) x 2        56 x 56                    16 x 56 x 56
    stage 2      (128, 128) x 2      28 x 28                     8 x 28 x 28
    stage 3      (256, 256) x 2      14 x 14                     4 x 14 x 14
    stage 4      (512, 512) x 2       7 x 7                      2 x 7 x 7
    head         mean over all positions, linear
    weights      11,689,512          33,371,472                 31,505,325
    for          1000 classes        400 classes                400 classes

A block is conv k3, norm, ReLU, conv k3, norm, plus its input, ReLU. The first block of stages 2 to 4 has stride 2 on
every axis and brings its input along by a 1x1 convolution with stride 2 and norm. R(2+1)D splits each convolution in
two, (1, 3, 3) and (3, 1, 1), with as many channels between them as keep the number of weights.

For images and volumes of a few dozen positions a side, ResNet-18 has a stem that keeps more of them (as R3D-18 does),
and fewer channels: `stem = "small"`, conv k3 and the mean around every second position, and `width`.
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool
from audiocnn.nn.ndim import Ndim
from audiocnn.nn.residual import Residual

WIDTH = 64


class _ResNet18(nn.Module):
    """Four stages of two blocks behind a stem, of `width` to eight times as many channels.

    block: from in_channels, out_channels and stride.
    """

    def __init__(
        self,
        num_outputs: int,
        ndim: Ndim,
        stem: nn.Module,
        block: Callable[[int, int, int], nn.Module],
        width: int = WIDTH,
    ) -> None:
        super().__init__()
        layers = [stem]
        channels = width
        for wider in (width, 2 * width, 4 * width, 8 * width):
            layers += [block(channels, wider, 1 if wider == channels else 2), block(wider, wider, 1)]
            channels = wider
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(ndim, "mean")
        self.head = nn.Linear(channels, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, *axes)`."""
        logits: Tensor = self.head(self.pool(self.features(x)))
        return logits


def _shortcut(ndim: Ndim, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return ConvNormAct(ndim, in_channels, out_channels, 1, stride=stride, activation=None)


def basic_block(ndim: Ndim) -> Callable[[int, int, int], nn.Module]:
    """Makes the block of the first two columns at the top of the file, from in_channels, out_channels and stride."""

    def block(in_channels: int, out_channels: int, stride: int) -> nn.Module:
        branch = nn.Sequential(
            ConvNormAct(ndim, in_channels, out_channels, 3, stride=stride),
            ConvNormAct(ndim, out_channels, out_channels, 3, activation=None),
        )
        return Residual(branch, _shortcut(ndim, in_channels, out_channels, stride))

    return block


def _factorised_block(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    # torchvision takes the block's own channels for both convolutions, also where the second one has others.
    middle = 27 * in_channels * out_channels // (9 * in_channels + 3 * out_channels)
    branch = nn.Sequential(
        ConvNormAct(3, in_channels, middle, (1, 3, 3), stride=(1, stride, stride)),
        ConvNormAct(3, middle, out_channels, (3, 1, 1), stride=(stride, 1, 1)),
        ConvNormAct(3, out_channels, middle, (1, 3, 3)),
        ConvNormAct(3, middle, out_channels, (3, 1, 1), activation=None),
    )
    return Residual(branch, _shortcut(3, in_channels, out_channels, stride))


@register("resnet-18", ndim=2, in_channels=3, any_ndim=True, axes=(224, 224))
class ResNet18(_ResNet18):
    """The first column at the top of the file; takes input of any size.

    width: channels of the stem and the first stage; each further stage has twice as many.
    stem: "large", the paper's, or "small", which halves each axis instead of quartering it.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        ndim: Ndim = 2,
        in_channels: int = 3,
        width: int = WIDTH,
        stem: Literal["large", "small"] = "large",
    ) -> None:
        if stem not in ("large", "small"):
            raise ConfigError(f"stem must be 'large' or 'small', got {stem!r}")
        large = stem == "large"
        layers = nn.Sequential(
            ConvNormAct(ndim, in_channels, width, 7 if large else 3, stride=2 if large else 1),
            Pool(ndim, "max", 3, stride=2, padding=1) if large else AntiAliasedPool(ndim, width, 2),
        )
        super().__init__(num_outputs, ndim, layers, basic_block(ndim), width)


@register("r3d-18", ndim=3, in_channels=3, axes=(16, 112, 112))
class R3D18(_ResNet18):
    """The second column at the top of the file; takes video or volumes of any size."""

    def __init__(self, num_outputs: int, *, in_channels: int = 3) -> None:
        stem = ConvNormAct(3, in_channels, WIDTH, (3, 7, 7), stride=(1, 2, 2))
        super().__init__(num_outputs, 3, stem, basic_block(3))


@register("r2plus1d-18", ndim=3, in_channels=3, axes=(16, 112, 112))
class R2Plus1D18(_ResNet18):
    """The third column at the top of the file; takes video or volumes of any size."""

    def __init__(self, num_outputs: int, *, in_channels: int = 3) -> None:
        stem = nn.Sequential(
            ConvNormAct(3, in_channels, 45, (1, 7, 7), stride=(1, 2, 2)), ConvNormAct(3, 45, WIDTH, (3, 1, 1))
        )
        super().__init__(num_outputs, 3, stem, _factorised_block)
