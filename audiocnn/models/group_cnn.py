"""P4CNN: digits whichever way up, by convolutions that share their filters over rotations.

Cohen, Welling: "Group equivariant convolutional networks", ICML 2016 (arXiv 1602.07576), section 8.1 (rotated MNIST:
2.28% error, 5.03% for the same network without rotations). Each convolution but the last is followed by batch norm
and ReLU.

    input               1 x 28 x 28
    lifting conv 10 k3    26 x 26
    group conv 10 k3      24 x 24
    max pool 2            12 x 12
    group conv 10 k3 x 4   4 x 4
    group conv k4          1 x 1     one channel for each class
    maximum over rotations           24,680 weights for 10 classes ("25k" in the paper); p4m 49,080

Turning the image by a quarter changes no logit. Deviations: the dropout of 0.2 before the last layer is ours, the
paper gives no rate; input larger than 28 x 28 gives logits at many positions, of which the mean is taken. Lengths must
be even, or the pool drops a row that after a turn would be another one.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import InputCheck, Pool
from audiocnn.nn.group_conv import GroupConv, GroupName, LiftingConv

CHANNELS = 10


@register("p4-cnn", ndim=2, axes=(28, 28))
class P4CNN(nn.Module):
    """See the top of the file. group: "p4", quarter turns, or "p4m", mirror images too."""

    def __init__(self, num_outputs: int, *, in_channels: int = 1, group: GroupName = "p4") -> None:
        super().__init__()
        self.check = InputCheck(2, in_channels, "P4CNN", least=28)
        layers: list[nn.Module] = [LiftingConv(group, in_channels, CHANNELS, 3), nn.BatchNorm3d(CHANNELS), nn.ReLU()]
        for convolution in range(5):
            layers += [GroupConv(group, CHANNELS, CHANNELS, 3), nn.BatchNorm3d(CHANNELS), nn.ReLU()]
            if convolution == 0:
                # Three axes: the planes, of which none is pooled away, height and width.
                layers.append(Pool(3, "max", (1, 2, 2)))
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.2)
        self.head = GroupConv(group, CHANNELS, num_outputs, 4)

    def forward(self, image: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, height, width)`, 28 x 28 or larger."""
        logits: Tensor = self.head(self.dropout(self.features(self.check(image))))
        return logits.amax(2).mean((2, 3))
