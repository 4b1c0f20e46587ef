"""C3D: 3D convolutions over video.

Tran, Bourdev, Fergus, Torresani, Paluri: "Learning spatiotemporal features with 3D convolutional networks", ICCV 2015
(arXiv 1412.0767), figure 3. Every convolution has 3 x 3 x 3 filters, keeps its size, and is followed by ReLU.

    input             3 x 16 x 112 x 112     (channels, frames, height, width)
    conv 64               16 x 112 x 112
    pool (1, 2, 2)        16 x 56 x 56
    conv 128
    pool 2                 8 x 28 x 28
    conv 256 x 2
    pool 2                 4 x 14 x 14
    conv 512 x 2
    pool 2                 2 x 7 x 7
    conv 512 x 2
    pool 2                 1 x 4 x 4         height and width padded by 1, as in the released network
    linear 4096, ReLU, dropout 0.5, linear 4096, ReLU, dropout 0.5, linear

27,655,936 weights in the convolutions; with 101 classes 78,409,573 in all, with 10 classes 78,036,746.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, Pool
from audiocnn.nn.ndim import check_shape

FRAMES, SIZE = 16, 112


def _convolution(in_channels: int, out_channels: int) -> ConvNormAct:
    return ConvNormAct(3, in_channels, out_channels, 3, bias=True, norm=False)


@register("c3d", ndim=3, in_channels=3, axes=(16, 112, 112))
class C3D(nn.Module):
    """See the top of the file. The linear layers fix the size of the input: 16 frames of 112 x 112 pixels."""

    def __init__(self, num_outputs: int, *, in_channels: int = 3) -> None:
        super().__init__()
        self._input_shape = (in_channels, FRAMES, SIZE, SIZE)
        self.features = nn.Sequential(
            _convolution(in_channels, 64),
            Pool(3, "max", (1, 2, 2)),
            _convolution(64, 128),
            Pool(3, "max", 2),
            _convolution(128, 256),
            _convolution(256, 256),
            Pool(3, "max", 2),
            _convolution(256, 512),
            _convolution(512, 512),
            Pool(3, "max", 2),
            _convolution(512, 512),
            _convolution(512, 512),
            Pool(3, "max", 2, padding=(0, 1, 1)),
        )
        self.classifier = nn.Sequential(
            nn.Linear(512 * 1 * 4 * 4, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
        )
        self.head = nn.Linear(4096, num_outputs)

    def forward(self, video: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, 16, 112, 112)`."""
        check_shape(video, self._input_shape, "C3D")
        logits: Tensor = self.head(self.classifier(self.features(video).flatten(1)))
        return logits
