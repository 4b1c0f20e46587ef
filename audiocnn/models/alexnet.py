"""AlexNet over 1, 2 or 3 axes: the network of 2012 in two groups, and its slimmer successor of 2014.

Krizhevsky, Sutskever, Hinton: "ImageNet classification with deep convolutional neural networks", NIPS 2012, section
3.5 and figure 2 (top-5 error 15.3% on ImageNet, with an ensemble); Krizhevsky: "One weird trick for parallelizing
convolutional neural networks", arXiv 1404.5997, with the sizes of torchvision.

    input 3 x 224 x 224     2012                          2014
    conv k11 s4, ReLU       96, response norm             64                55 x 55
    max pool 3 s2                                                           27 x 27
    conv k5, ReLU           256 in 2 groups, resp. norm   192               27 x 27
    max pool 3 s2                                                           13 x 13
    conv k3, ReLU           384                           384               13 x 13
    conv k3, ReLU           384 in 2 groups               256               13 x 13
    conv k3, ReLU           256 in 2 groups               256               13 x 13
    max pool 3 s2                                                            6 x 6
    dropout, linear 4096, ReLU, dropout, linear 4096, ReLU, linear
    weights, 1000 classes   60,965,224                    61,100,840

Deviations: the first convolution pads 2, which gives the paper's 55 positions (without, its 224 would have to be 227).
An average to 6 positions on each axis lets inputs of other sizes reach the linear layers; at 224 it changes nothing.
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import AdaptivePool, ConvNormAct, InputCheck, Pool
from audiocnn.nn.ndim import Ndim

POSITIONS = 6
"""Positions on each axis that the linear layers take."""
SHORTEST = 63
"""Positions on each axis of the input that leave one after the last pool."""


def _convolution(ndim: Ndim, in_channels: int, out_channels: int, kernel_size: int, groups: int = 1) -> ConvNormAct:
    return ConvNormAct(ndim, in_channels, out_channels, kernel_size, groups=groups, bias=True, norm=False)


def _stem(ndim: Ndim, in_channels: int, out_channels: int) -> ConvNormAct:
    return ConvNormAct(ndim, in_channels, out_channels, 11, stride=4, padding=2, bias=True, norm=False)


def _pool(ndim: Ndim) -> Pool:
    return Pool(ndim, "max", 3, stride=2)


def _response_norm() -> nn.LocalResponseNorm:
    # Section 3.3: n = 5, k = 2, alpha = 1e-4, beta = 0.75. torch divides alpha by n, the paper does not.
    return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)


class _AlexNet(nn.Module):
    """The last average and the linear layers; the classes below fill in the features, which end in 256 channels."""

    def __init__(self, num_outputs: int, ndim: Ndim, in_channels: int, features: nn.Sequential) -> None:
        super().__init__()
        self.check = InputCheck(ndim, in_channels, "AlexNet", least=SHORTEST)
        self.features = features
        self.pool = AdaptivePool(ndim, POSITIONS)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * POSITIONS**ndim, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
        )
        self.head = nn.Linear(4096, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, *axes)`."""
        logits: Tensor = self.head(self.classifier(self.pool(self.features(self.check(x))).flatten(1)))
        return logits


@register("alexnet", ndim=2, in_channels=3, any_ndim=True, axes=(224, 224))
class AlexNet(_AlexNet):
    """The column of 2014 at the top of the file. The input needs 63 positions on each axis or more."""

    def __init__(self, num_outputs: int, *, ndim: Ndim = 2, in_channels: int = 3) -> None:
        features = nn.Sequential(
            _stem(ndim, in_channels, 64),
            _pool(ndim),
            _convolution(ndim, 64, 192, 5),
            _pool(ndim),
            _convolution(ndim, 192, 384, 3),
            _convolution(ndim, 384, 256, 3),
            _convolution(ndim, 256, 256, 3),
            _pool(ndim),
        )
        super().__init__(num_outputs, ndim, in_channels, features)


@register("alexnet-2012", ndim=2, in_channels=3, any_ndim=True, axes=(224, 224))
class AlexNet2012(_AlexNet):
    """The column of 2012 at the top of the file. The input needs 63 positions on each axis or more."""

    def __init__(self, num_outputs: int, *, ndim: Ndim = 2, in_channels: int = 3) -> None:
        features = nn.Sequential(
            _stem(ndim, in_channels, 96),
            _response_norm(),
            _pool(ndim),
            _convolution(ndim, 96, 256, 5, groups=2),
            _response_norm(),
            _pool(ndim),
            _convolution(ndim, 256, 384, 3),
            _convolution(ndim, 384, 384, 3, groups=2),
            _convolution(ndim, 384, 256, 3, groups=2),
            _pool(ndim),
        )
        super().__init__(num_outputs, ndim, in_channels, features)
