"""WavePyramid: this project's own network for sound, which hears each recording at four resolutions.

    waveform (batch, 1, samples)                          at 16 kHz, width 128
      front     learned filterbank and its log energies    64 x 100 Hz
      level 1   1x1 conv to width, blocks                 128 x 100 Hz
      level 2   halve, 1x1 conv to width, blocks          128 x 50 Hz
      level 3   halve, to 1.5 width, blocks               192 x 25 Hz
      level 4   halve, to 2 width, blocks                 256 x 12.5 Hz
      head      mean and maximum over time of levels 2, 3 and 4, side by side, dropout, linear

    block     depthwise conv k5 with dilation 1, 2 or 4 - norm - 1x1 conv to twice the channels - norm - ReLU - dropout
              0.1 - 1x1 conv back - norm, plus the input, ReLU; the last norm starts at zero
    halve     a triangular low-pass, then every second position (nn/antialias.py)

    front="strided" has no filterbank: four convolutions, each with norm, ReLU and that low-pass behind it
      conv      16 k31    every 4th position      4 kHz
                32 k7     every 4th               1 kHz
                64 k7     every 5th             200 Hz
                64 k7     every 2nd             100 Hz

Why so. Front: nn/filterbank.py tells what it is good for. Blocks: depthwise convolutions look along time and 1x1
convolutions across channels (Sandler et al. 2018, MobileNetV2), for two thirds of the products of two convolutions k3;
with their dilations (Yu, Koltun 2016) three blocks see 0.3 s at level 1 and 2.2 s at level 4, and all levels together
4.4 s. Halving: without a low-pass (Zhang 2019) a shift by one position changes the answer. Head: a mean says how much
of something there is, a maximum whether it occurs at all, and each level has patterns of its own length (Lee, Nam
2017). Twice the channels where positions are an eighth keeps every level's share of the work alike but for the first,
where it pays to look closely. Deeper or wider networks than this one learn a few hundred clips by heart.
"""

import itertools
from typing import Literal

import torch
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.nn.antialias import AntiAliasedPool
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, depthwise, pointwise
from audiocnn.nn.filterbank import Energies
from audiocnn.nn.ndim import whole_number
from audiocnn.nn.residual import Residual

DILATIONS = (1, 2, 4)
POOLED_LEVELS = 3
STRIDED_FRONT = ((16, 31, 4), (32, 7, 4), (64, 7, 5), (64, 7, 2))
"""Channels, kernel size and stride of its convolutions."""


@register("wave-pyramid", axes=(64_000,), sample_rate=16_000)
class WavePyramid(nn.Module):
    """See the top of the file.

    width: channels of the first level, an even number. depth: blocks in each level; the dilations repeat after three.
    front: "filterbank", or "strided" for plain convolutions on the waveform.
    sample_rate, num_filters, filter_length: of the filterbank, see `Energies`. dropout: before the last layer.
    Any input length works; below one second the filterbank has little to normalise over.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        width: int = 128,
        depth: int = 3,
        front: Literal["filterbank", "strided"] = "filterbank",
        sample_rate: int = 16_000,
        num_filters: int = 64,
        filter_length: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        whole_number(depth, "depth")
        if whole_number(width, "width") % 2:
            raise ConfigError(f"width must be even, got {width}: level 3 has 1.5 times as many channels")
        if front not in ("filterbank", "strided"):
            raise ConfigError(f"front must be 'filterbank' or 'strided', got {front!r}")
        self.front = Energies(sample_rate, num_filters, filter_length) if front == "filterbank" else _strided_front()
        widths = [width, width, width * 3 // 2, width * 2]
        channels = [num_filters if front == "filterbank" else STRIDED_FRONT[-1][0], *widths]
        self.levels = nn.ModuleList(
            _level(before, after, depth, halve=i > 0) for i, (before, after) in enumerate(itertools.pairwise(channels))
        )
        self.pool = GlobalPool(1, "mean_max")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * sum(widths[-POOLED_LEVELS:]), num_outputs)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        x = self.front(waveform)
        pooled = []
        for level in self.levels:
            x = level(x)
            pooled.append(self.pool(x))
        logits: Tensor = self.head(self.dropout(torch.cat(pooled[-POOLED_LEVELS:], dim=1)))
        return logits


def _strided_front() -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 1
    for channels, kernel_size, stride in STRIDED_FRONT:
        layers += [ConvNormAct(1, before, channels, kernel_size), AntiAliasedPool(1, channels, stride)]
        before = channels
    return nn.Sequential(*layers)


def _level(in_channels: int, channels: int, depth: int, *, halve: bool) -> nn.Sequential:
    entry = [AntiAliasedPool(1, in_channels, 2)] if halve else []
    blocks = [_block(channels, DILATIONS[i % len(DILATIONS)]) for i in range(depth)]
    return nn.Sequential(*entry, pointwise(1, in_channels, channels), *blocks)


def _block(channels: int, dilation: int) -> Residual:
    last = pointwise(1, 2 * channels, channels, activation=None)
    nn.init.zeros_(last.norm.weight)  # type: ignore[arg-type]
    branch = nn.Sequential(
        depthwise(1, channels, 5, dilation=dilation, activation=None),
        pointwise(1, channels, 2 * channels),
        nn.Dropout(0.1),
        last,
    )
    return Residual(branch, nn.Identity())
