"""LeeNet11 and Res1dNet31: the 1D networks of the PANNs study.

Kong et al.: "PANNs: Large-scale pretrained audio neural networks for audio pattern recognition", IEEE/ACM TASLP 2020
(arXiv 1912.10211), section III, with the layers of the authors' code. Input in the paper: 320,000 samples (10 s at
32 kHz), 527 outputs.

    LeeNet11   channels   filter   pool               Res1dNet31   channels   blocks   pool in front
    1           64        k3 s3                       stem           64       k11 s5, norm
    2-3         64        k3       max 3              1              64       2
    4-8        128        k3       max 3              2             128       2        4
    9          256        k3       max 3              3             256       2        4
    dense      512, ReLU                              4             512       2        4
                                                      5, 6         1024       2 each   4
                                                      7            2048       2        4
                                                      dense        2048, ReLU

    block      (first of a stage: max pool) conv k3 - norm - ReLU - dropout 0.1 - conv k3 dilation 2 - norm, plus the
               input (average pool - conv k1 - norm where the stage pools), ReLU; the last norm starts at zero
    head       mean plus maximum over time, dropout 0.5, dense, dropout 0.5, linear

Convolutions keep their length ("same"), have no bias, and are followed by batch norm and, but for Res1dNet's stem, by
ReLU; they start uniform after Glorot. LeeNet's pools are padded by one position on both sides.
Deviation: Res1dNet's pools round up, so that an input of any length gives an answer.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool, fill_convolutions
from audiocnn.nn.residual import Residual


def _dense(channels: int, units: int) -> nn.Sequential:
    """What both networks have between the pooled features and the last layer."""
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(channels, units), nn.ReLU(), nn.Dropout(0.5))


@register("leenet11", axes=(320_000,), sample_rate=32_000)
class LeeNet11(nn.Module):
    """See the top of the file."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(1, 1, 64, 3, stride=3)]
        channels = 64
        for width in (64, 64, 128, 128, 128, 128, 128, 256):
            layers.append(ConvNormAct(1, channels, width, 3))
            layers.append(Pool(1, "max", 3, padding=1))
            channels = width
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(1, "mean_plus_max")
        self.dense = _dense(256, 512)
        self.head = nn.Linear(512, num_outputs)
        fill_convolutions(self, nn.init.xavier_uniform_)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.dense(self.pool(self.features(waveform))))
        return logits


def _residual(in_channels: int, out_channels: int, pool: int) -> Residual:
    """A block; with `pool` above 1 it is the first of a stage."""
    last = ConvNormAct(1, out_channels, out_channels, 3, dilation=2, activation=None)
    nn.init.zeros_(last.norm.weight)  # type: ignore[arg-type]
    branch = nn.Sequential(ConvNormAct(1, in_channels, out_channels, 3), nn.Dropout(0.1), last)
    if pool == 1:
        return Residual(branch, nn.Identity())
    shortcut = ConvNormAct(1, in_channels, out_channels, 1, activation=None)
    return Residual(
        nn.Sequential(Pool(1, "max", pool, ceil_mode=True), branch),
        nn.Sequential(Pool(1, "avg", pool, ceil_mode=True), shortcut),
    )


@register("res1dnet31", axes=(320_000,), sample_rate=32_000)
class Res1dNet31(nn.Module):
    """See the top of the file. width: channels of the stem, 64 in the paper; the others follow."""

    def __init__(self, num_outputs: int, *, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(1, 1, width, 11, stride=5, activation=None)]
        channels = width
        for multiple, pool in ((1, 1), (2, 4), (4, 4), (8, 4), (16, 4), (16, 4), (32, 4)):
            layers.append(_residual(channels, multiple * width, pool))
            channels = multiple * width
            layers.append(_residual(channels, channels, 1))
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(1, "mean_plus_max")
        self.dense = _dense(channels, channels)
        self.head = nn.Linear(channels, num_outputs)
        fill_convolutions(self, nn.init.xavier_uniform_)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.dense(self.pool(self.features(waveform))))
        return logits
