"""EnvNet-v2: two 1D convolutions make a picture of the waveform, a 2D CNN and large dense layers read it.

Tokozume, Ushiku, Harada: "Learning from between-class examples for deep sound recognition", ICLR 2018
(arXiv 1711.10282), Table 6. Input in the paper: 66,650 samples (1.51 s at 44.1 kHz).

    layer       channels     filter, stride     pool             height x width after
     1            32         1x64, 1x2                            1 x 33,294
     2            64         1x16, 1x2          max 1x64          1 x 260
    channels become rows                                         64 x 260
     3, 4         32         8x8                max 5x3          10 x 82
     5, 6         64         1x4                max 1x2          10 x 38
     7, 8        128         1x2                max 1x2          10 x 18
     9, 10       256         1x2                max 1x2          10 x 8
    dense      4096, ReLU, dropout 0.5, twice; linear

Convolutions pad nothing, have no bias, and are followed by batch norm and ReLU. Weights start normal after He.
Deviations: the first dense layer is a convolution of 10x8, the second one of 1x1, with the same weights and, at the
paper's length, the same answer; over a longer input they slide, and the mean over time goes to the last layer. Zeros
are added to shorter inputs.
"""

from functools import partial

from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, PadShort, Pool, fill_convolutions
from audiocnn.nn.ndim import check_input
from audiocnn.nn.shapes import Span, receptive_field

_SPANS = [
    *[Span(64, 2), Span(16, 2), Span(64, 64)],
    *[Span(8), Span(8), Span(3, 3)],
    *[Span(4), Span(4), Span(2, 2)],
    *[Span(2), Span(2), Span(2, 2)] * 2,
    Span(8),
]


@register("envnet-v2", axes=(66_650,), sample_rate=44_100)
class EnvNetV2(nn.Module):
    """See the top of the file.

    width: channels of the first layer, at least 10; the others follow. dense: units of the two dense layers.
    """

    def __init__(self, num_outputs: int, *, width: int = 32, dense: int = 4096) -> None:
        super().__init__()
        if width < 10:
            raise ConfigError(f"width must be at least 10, got {width}: layers 3 and 4 need 2 x width rows")
        conv = partial(ConvNormAct, 2, padding="valid")
        rows = (2 * width - 14) // 5
        self.pad = PadShort(receptive_field(_SPANS)[0])
        self.front = nn.Sequential(
            conv(1, width, (1, 64), stride=(1, 2)),
            conv(width, 2 * width, (1, 16), stride=(1, 2)),
            Pool(2, "max", (1, 64)),
        )
        self.back = nn.Sequential(
            conv(1, width, 8),
            conv(width, width, 8),
            Pool(2, "max", (5, 3)),
            conv(width, 2 * width, (1, 4)),
            conv(2 * width, 2 * width, (1, 4)),
            Pool(2, "max", (1, 2)),
            conv(2 * width, 4 * width, (1, 2)),
            conv(4 * width, 4 * width, (1, 2)),
            Pool(2, "max", (1, 2)),
            conv(4 * width, 8 * width, (1, 2)),
            conv(8 * width, 8 * width, (1, 2)),
            Pool(2, "max", (1, 2)),
        )
        self.dense = nn.Sequential(
            conv(8 * width, dense, (rows, 8), bias=True, norm=False),
            nn.Dropout(0.5),
            conv(dense, dense, 1, bias=True, norm=False),
            nn.Dropout(0.5),
        )
        self.pool = GlobalPool(2, "mean")
        self.head = nn.Linear(dense, num_outputs)
        fill_convolutions(self, nn.init.kaiming_normal_)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        check_input(waveform, 1, 1, "EnvNet-v2")
        picture = self.front(self.pad(waveform).unsqueeze(2)).transpose(1, 2)
        logits: Tensor = self.head(self.pool(self.dense(self.back(picture))))
        return logits
