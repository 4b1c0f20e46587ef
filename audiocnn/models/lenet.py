"""LeNet-5 of 1998 and its 20-50-500 variant, over 1, 2 or 3 axes.

LeCun, Bottou, Bengio, Haffner: "Gradient-based learning applied to document recognition", Proc. IEEE 1998, section
II.B and figure 2. The variant is the one of the lectures (A. Smola, L11) and of Caffe.

    LeNet-5             32 x 32     LeNet-20-50-500     28 x 28
    conv 6 k5, tanh     28 x 28     conv 20 k5, tanh    24 x 24
    average pool 2      14 x 14     average pool 2      12 x 12
    conv 16 k5, tanh    10 x 10     conv 50 k5, tanh     8 x 8
    average pool 2       5 x 5      average pool 2       4 x 4
    conv 120 k5, tanh    1 x 1      conv 500 k4, tanh    1 x 1     (fully connected: as large as its input)
    linear 84, tanh
    linear 10                       linear 10
    weights: 61,706                 431,080

Deviations from the paper: its second convolution sees only some of the first one's channels (about 60,000 weights in
all), its pools have a weight and a bias, its tanh is scaled, and it ends in distances to bitmaps of the digits. The
fully connected layer is a convolution, as the paper has it, so a larger input gives features at many positions
(section VII): their mean goes on to the classifier.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, InputCheck, Pool
from audiocnn.nn.ndim import Ndim, whole_number


def _convolution(ndim: Ndim, in_channels: int, out_channels: int, kernel_size: int, padding: int = 0) -> ConvNormAct:
    return ConvNormAct(
        ndim, in_channels, out_channels, kernel_size, padding=padding, bias=True, norm=False, activation=nn.Tanh
    )


@register("lenet-5", ndim=2, any_ndim=True, axes=(32, 32))
class LeNet5(nn.Module):
    """See the top of the file.

    padding: zeros around the input; 2 makes MNIST's 28 x 28 the 32 x 32 of the paper.
    The padded input needs 32 positions on each axis or more.
    """

    def __init__(self, num_outputs: int, *, ndim: Ndim = 2, in_channels: int = 1, padding: int = 0) -> None:
        super().__init__()
        shortest = max(1, 32 - 2 * whole_number(padding, "padding", minimum=0))
        self.check = InputCheck(ndim, in_channels, "LeNet-5", least=shortest)
        self.features = nn.Sequential(
            _convolution(ndim, in_channels, 6, 5, padding),
            Pool(ndim, "avg", 2),
            _convolution(ndim, 6, 16, 5),
            Pool(ndim, "avg", 2),
            _convolution(ndim, 16, 120, 5),
            GlobalPool(ndim, "mean"),
            nn.Linear(120, 84),
            nn.Tanh(),
        )
        self.head = nn.Linear(84, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, *axes)`."""
        logits: Tensor = self.head(self.features(self.check(x)))
        return logits


@register("lenet-20-50-500", ndim=2, any_ndim=True, axes=(28, 28))
class LeNet20x50x500(nn.Module):
    """See the top of the file. The input needs 28 positions on each axis or more."""

    def __init__(self, num_outputs: int, *, ndim: Ndim = 2, in_channels: int = 1) -> None:
        super().__init__()
        self.check = InputCheck(ndim, in_channels, "LeNet-20-50-500", least=28)
        self.features = nn.Sequential(
            _convolution(ndim, in_channels, 20, 5),
            Pool(ndim, "avg", 2),
            _convolution(ndim, 20, 50, 5),
            Pool(ndim, "avg", 2),
            _convolution(ndim, 50, 500, 4),
            GlobalPool(ndim, "mean"),
        )
        self.head = nn.Linear(500, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, *axes)`."""
        logits: Tensor = self.head(self.features(self.check(x)))
        return logits
