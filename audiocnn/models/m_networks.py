"""M3, M5, M11, M18 and M34-res: very deep 1D CNNs on raw waveforms.

Dai, Dai, Qu, Li, Das: "Very deep convolutional neural networks for raw waveforms", ICASSP 2017 (arXiv 1610.00087),
Table 1. Input in the paper: 32,000 samples (4 s at 8 kHz), standardised per clip.

    stage        M3         M5         M11        M18        M34-res
    1  k80 s4    256        128        64         64         48
       max pool 4
    2  k3        256        128        64 x 2     64 x 4     (48, 48) x 3
       max pool 4
    3  k3                   256        128 x 2    128 x 4    (96, 96) x 4
       max pool 4
    4  k3                   512        256 x 3    256 x 4    (192, 192) x 6
       max pool 4  (M3: after stage 2, M5: after stage 4)
    5  k3                              512 x 2    512 x 4    (384, 384) x 3
    head: mean over time, linear

Every convolution keeps its length ("same"), has a bias as in the published parameter counts, and is followed by batch
norm and ReLU. Deviation: pools round up, so that an input of any length, 1 sample included, gives an answer.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool


class _MNetwork(nn.Module):
    """Stages of plain convolutions; the classes below fill in Table 1."""

    stem: ClassVar[int]
    stages: ClassVar[tuple[tuple[int, int], ...]]  # (channels, convolutions) after the stem
    pool_after_last: ClassVar[bool]

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            ConvNormAct(1, 1, self.stem, 80, stride=4, bias=True),
            Pool(1, "max", 4, ceil_mode=True),
        ]
        channels = self.stem
        for i, (width, convolutions) in enumerate(self.stages):
            for _ in range(convolutions):
                layers.append(ConvNormAct(1, channels, width, 3, bias=True))
                channels = width
            if self.pool_after_last or i < len(self.stages) - 1:
                layers.append(Pool(1, "max", 4, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(1, "mean")
        self.head = nn.Linear(channels, num_outputs)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.pool(self.features(waveform)))
        return logits


@register("m3", axes=(32_000,), sample_rate=8000)
class M3(_MNetwork):
    stem = 256
    stages = ((256, 1),)
    pool_after_last = True


@register("m5", axes=(32_000,), sample_rate=8000)
class M5(_MNetwork):
    stem = 128
    stages = ((128, 1), (256, 1), (512, 1))
    pool_after_last = True


@register("m11", axes=(32_000,), sample_rate=8000)
class M11(_MNetwork):
    stem = 64
    stages = ((64, 2), (128, 2), (256, 3), (512, 2))
    pool_after_last = False


@register("m18", axes=(32_000,), sample_rate=8000)
class M18(_MNetwork):
    stem = 64
    stages = ((64, 4), (128, 4), (256, 4), (512, 4))
    pool_after_last = False


class _Residual(nn.Module):
    """conv-norm-ReLU-conv-norm, plus the input, norm, ReLU; a wider output repeats the input's channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(1, in_channels, out_channels, 3, bias=True)
        self.conv2 = ConvNormAct(1, out_channels, out_channels, 3, bias=True, activation=None)
        self._repeats = out_channels // in_channels
        self.norm = nn.BatchNorm1d(out_channels)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.norm(self.conv2(self.conv1(x)) + torch.cat([x] * self._repeats, dim=1)))
        return out


@register("m34-res", axes=(32_000,), sample_rate=8000)
class M34Res(nn.Module):
    """The residual network of Table 1: the shortcut has no parameters."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(1, 1, 48, 80, stride=4, bias=True)]
        channels = 48
        for width, blocks in ((48, 3), (96, 4), (192, 6), (384, 3)):
            layers.append(Pool(1, "max", 4, ceil_mode=True))
            for _ in range(blocks):
                layers.append(_Residual(channels, width))
                channels = width
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(1, "mean")
        self.head = nn.Linear(channels, num_outputs)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.pool(self.features(waveform)))
        return logits
