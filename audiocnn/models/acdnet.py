"""ACDNet: two 1D convolutions make a picture of the waveform, a 2D CNN reads it.

Mohaimenuzzaman, Bergmeir, West, Meyer: "Environmental sound classification on the edge", Pattern Recognition 2023
(arXiv 2103.03483), with the layers of the authors' code. Input in the paper: 30,225 samples (1.51 s at 20 kHz).

    layer       channels     filter, stride     pool             height x width after
     1            8          1x9, 1x2 valid                       1 x 15,109
     2           64          1x5, 1x2 valid     max 1x50          1 x 151      (10 ms at 20 kHz)
    channels become rows                                         64 x 151
     3           32          3x3                max 2x2          32 x 75
     4, 5        64          3x3                max 2x2          16 x 37
     6, 7       128          3x3                max 2x2           8 x 18
     8, 9       256          3x3                max 2x2           4 x 9
    10, 11      512          3x3                max 2x2           2 x 4
    12          outputs      1x1                                  2 x 4
    head: mean over height and width, linear from outputs to outputs

Convolutions have no bias and are followed by batch norm and ReLU; dropout 0.2 in front of layer 12. Weights start
normal after He.
Deviations: the mean is over whatever is left where the paper pools 2x4, so that longer inputs give an answer; zeros
are added to inputs shorter than one last position sees (6,413 samples at 20 kHz). The answer is logits, not a softmax.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, PadShort, Pool, fill_convolutions
from audiocnn.nn.ndim import check_input, whole_number
from audiocnn.nn.shapes import Span, receptive_field


@register("acdnet", axes=(30_225,), sample_rate=20_000)
class ACDNet(nn.Module):
    """See the top of the file. sample_rate: Hz of the input; one pixel of the picture is 10 ms wide."""

    def __init__(self, num_outputs: int, *, sample_rate: int = 20_000) -> None:
        super().__init__()
        pixel = max(1, round(whole_number(sample_rate, "sample_rate") / 400))
        shortest, _ = receptive_field([Span(9, 2), Span(5, 2), Span(pixel, pixel), *[Span(2, 2)] * 5])
        self.pad = PadShort(shortest)
        self.front = nn.Sequential(
            ConvNormAct(2, 1, 8, (1, 9), stride=(1, 2), padding="valid"),
            ConvNormAct(2, 8, 64, (1, 5), stride=(1, 2), padding="valid"),
            Pool(2, "max", (1, pixel)),
        )
        layers: list[nn.Module] = []
        channels = 1
        for width, convolutions in ((32, 1), (64, 2), (128, 2), (256, 2), (512, 2)):
            for _ in range(convolutions):
                layers.append(ConvNormAct(2, channels, width, 3))
                channels = width
            layers.append(Pool(2, "max", 2))
        self.back = nn.Sequential(*layers, nn.Dropout(0.2), ConvNormAct(2, channels, num_outputs, 1))
        self.pool = GlobalPool(2, "mean")
        self.head = nn.Linear(num_outputs, num_outputs)
        fill_convolutions(self, nn.init.kaiming_normal_)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        check_input(waveform, 1, 1, "ACDNet")
        picture = self.front(self.pad(waveform).unsqueeze(2)).transpose(1, 2)
        logits: Tensor = self.head(self.pool(self.back(picture)))
        return logits
