"""SampleCNN 3^9: filters of three samples from the waveform up.

Lee, Park, Kim, Nam: "Sample-level deep convolutional neural networks for music auto-tagging using raw waveforms",
SMC 2017 (arXiv 1703.01789), Table 1. Input in the paper: 59,049 = 3^10 samples (2.68 s at 22.05 kHz).

    layer   channels   filter       pool    length after
     1      128        k3 s3                19,683
     2-3    128        k3           max 3    6,561   2,187
     4-9    256        k3           max 3      729     243   81   27   9   3
    10      512        k3           max 3        1
    11      512        k1                        1
    head: mean over time, dropout 0.5, linear

Every convolution keeps its length ("same"), has a bias, starts uniform after He, and is followed by batch norm and
ReLU.
Deviations: the first convolution is padded by one sample on both sides, as in the port of Won et al. (2020), where the
authors' own pads nothing; lengths are the same. Pools round up and a mean over time stands where the paper has one
position, so that an input of any length gives an answer: the mean takes the place of the paper's mean over the windows
of a clip.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool, fill_convolutions

WIDTHS = (1, 1, 2, 2, 2, 2, 2, 2, 4)
"""Channels of layers 2 to 10, in multiples of the first layer's."""


@register("sample-cnn", axes=(59_049,), sample_rate=22_050)
class SampleCNN(nn.Module):
    """See the top of the file. width: channels of the first layer, 128 in the paper; the others follow."""

    def __init__(self, num_outputs: int, *, width: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvNormAct(1, 1, width, 3, stride=3, bias=True)]
        channels = width
        for multiple in WIDTHS:
            layers.append(ConvNormAct(1, channels, multiple * width, 3, bias=True))
            layers.append(Pool(1, "max", 3, ceil_mode=True))
            channels = multiple * width
        layers.append(ConvNormAct(1, channels, channels, 1, bias=True))
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(1, "mean")
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(channels, num_outputs)
        fill_convolutions(self, nn.init.kaiming_uniform_)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.dropout(self.pool(self.features(waveform))))
        return logits
