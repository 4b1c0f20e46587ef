"""SampleCNN with squeeze-excite gates, residual blocks, both (ReSE), and a head that sees three levels.

Kim, Lee, Nam: "Sample-level CNN architectures for music auto-tagging using raw waveforms", ICASSP 2018
(arXiv 1710.10451), Figure 1. Input in the paper: 59,049 samples (2.68 s at 22.05 kHz).

    stem      conv k3 s3        128                                                 length 19,683
    blocks    1-2               128                                                  6,561   2,187
              3-8               256                                                    729     243   81   27   9   3
              9                 512                                                      1
    levels    maximum over time of block 9 (512), or of blocks 7, 8 and 9 side by side (1024)
    head      linear of as many units, norm, ReLU, dropout 0.5, linear

    block     basic    conv k3 - norm - ReLU - max pool 3
              SE       the same - gate
              Res      conv k3 - norm - ReLU - dropout 0.2 - conv k3 - norm, plus the input, ReLU, max pool 3
              ReSE     as Res, with the gate after the second norm
    gate      mean over time - linear - ReLU - linear - sigmoid, times the input

Every convolution has a bias and starts uniform after He. The input of a residual block passes a 1x1 convolution and a
norm where channels change.
Basic with one level is SampleCNN itself, in sample_cnn.py.
Deviations: the paper's gates have 16 hidden units for each channel, which is most of such a network's weights
(23,929,138 for SE and 50 tags); here a gate squeezes to an eighth, and `gate_ratio=16` gives the paper's. The stem is
padded and pools round up, so that an input of any length gives an answer. The authors' 1x1 convolutions start after
Glorot.
"""

from collections.abc import Callable
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.models.sample_cnn import WIDTHS
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, LinearNormAct, Pool, SqueezeExcite, fill_convolutions
from audiocnn.nn.residual import Residual

GATE_RATIO = 1 / 8


def _basic(in_channels: int, out_channels: int) -> nn.Module:
    return nn.Sequential(ConvNormAct(1, in_channels, out_channels, 3, bias=True), Pool(1, "max", 3, ceil_mode=True))


def _gated(in_channels: int, out_channels: int, gate_ratio: float) -> nn.Module:
    return nn.Sequential(_basic(in_channels, out_channels), SqueezeExcite(1, out_channels, gate_ratio))


def _residual(in_channels: int, out_channels: int, gate_ratio: float | None = None) -> nn.Module:
    branch: list[nn.Module] = [
        ConvNormAct(1, in_channels, out_channels, 3, bias=True),
        nn.Dropout(0.2),
        ConvNormAct(1, out_channels, out_channels, 3, bias=True, activation=None),
    ]
    if gate_ratio is not None:
        branch.append(SqueezeExcite(1, out_channels, gate_ratio))
    shortcut: nn.Module = nn.Identity()
    if in_channels != out_channels:
        shortcut = ConvNormAct(1, in_channels, out_channels, 1, bias=True, activation=None)
    return nn.Sequential(Residual(nn.Sequential(*branch), shortcut), Pool(1, "max", 3, ceil_mode=True))


class _SampleLevelNetwork(nn.Module):
    """Stem, nine blocks, head; `block` makes one from its input and output channels."""

    levels: ClassVar[int] = 1

    def __init__(self, num_outputs: int, width: int, block: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.stem = ConvNormAct(1, 1, width, 3, stride=3, bias=True)
        channels = [width, *(multiple * width for multiple in WIDTHS)]
        self.blocks = nn.ModuleList(map(block, channels[:-1], channels[1:]))
        self.pool = GlobalPool(1, "max")
        features = sum(channels[-self.levels :])
        self.dense = LinearNormAct(features, features)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(features, num_outputs)
        fill_convolutions(self, nn.init.kaiming_uniform_)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        x = self.stem(waveform)
        pooled = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i >= len(self.blocks) - self.levels:
                pooled.append(self.pool(x))
        logits: Tensor = self.head(self.dropout(self.dense(torch.cat(pooled, dim=1))))
        return logits


@register("sample-cnn-multi", axes=(59_049,), sample_rate=22_050)
class SampleCNNMulti(_SampleLevelNetwork):
    """Basic blocks, three levels. width: channels of the stem, 128 in the paper; the others follow."""

    levels = 3

    def __init__(self, num_outputs: int, *, width: int = 128) -> None:
        super().__init__(num_outputs, width, _basic)


@register("sample-cnn-se", axes=(59_049,), sample_rate=22_050)
class SampleCNNSE(_SampleLevelNetwork):
    """SE blocks, one level. width: as above. gate_ratio: hidden units of a gate for each channel, 16 in the paper."""

    def __init__(self, num_outputs: int, *, width: int = 128, gate_ratio: float = GATE_RATIO) -> None:
        super().__init__(num_outputs, width, partial(_gated, gate_ratio=gate_ratio))


@register("sample-cnn-se-multi", axes=(59_049,), sample_rate=22_050)
class SampleCNNSEMulti(SampleCNNSE):
    """SE blocks, three levels."""

    levels = 3


@register("sample-cnn-res", axes=(59_049,), sample_rate=22_050)
class SampleCNNRes(_SampleLevelNetwork):
    """Res blocks, one level. width: as above."""

    def __init__(self, num_outputs: int, *, width: int = 128) -> None:
        super().__init__(num_outputs, width, _residual)


@register("sample-cnn-res-multi", axes=(59_049,), sample_rate=22_050)
class SampleCNNResMulti(SampleCNNRes):
    """Res blocks, three levels."""

    levels = 3


@register("sample-cnn-rese", axes=(59_049,), sample_rate=22_050)
class SampleCNNReSE(_SampleLevelNetwork):
    """ReSE blocks, one level. width, gate_ratio: as above."""

    def __init__(self, num_outputs: int, *, width: int = 128, gate_ratio: float = GATE_RATIO) -> None:
        super().__init__(num_outputs, width, partial(_residual, gate_ratio=gate_ratio))


@register("sample-cnn-rese-multi", axes=(59_049,), sample_rate=22_050)
class SampleCNNReSEMulti(SampleCNNReSE):
    """ReSE blocks, three levels."""

    levels = 3
