"""The small CNN for MNIST of the Keras examples ("Simple MNIST convnet", F. Chollet 2015): conv, pool, flatten, dense.

input        1 x 28 x 28
conv 32 k3   26 x 26     ReLU
max pool 2   13 x 13
conv 64 k3   11 x 11     ReLU
max pool 2    5 x 5
flatten      1600, dropout 0.5, linear        34,826 weights for 10 classes
"""

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, Pool
from audiocnn.nn.ndim import check_shape


@register("mnist-cnn", ndim=2, axes=(28, 28))
class MnistCNN(nn.Module):
    """See the top of the file. The flattened features fix the size of the input: 28 x 28 pixels, grey."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvNormAct(2, 1, 32, 3, padding="valid", bias=True, norm=False),
            Pool(2, "max", 2),
            ConvNormAct(2, 32, 64, 3, padding="valid", bias=True, norm=False),
            Pool(2, "max", 2),
        )
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(64 * 5 * 5, num_outputs)

    def forward(self, image: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, 28, 28)`."""
        check_shape(image, (1, 28, 28), "MnistCNN")
        logits: Tensor = self.head(self.dropout(self.features(image).flatten(1)))
        return logits
