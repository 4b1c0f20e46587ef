"""The multi-layer perceptron of the lectures: the baseline that convolution beats.

    784 -> 10 ReLU -> 10        7,960 weights on 28 x 28 grey images: 784 x 10 + 10 + 10 x 10 + 10

It multiplies every number of the input with weights of its own, so it does not know which of them are neighbours:
shuffle the pixels of all images alike and it learns as well. The lecture names no hidden activation; ReLU is ours.
"""

import math

from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.ndim import check_shape, per_axis, whole_number


@register("mlp", ndim=2, axes=(28, 28))
class MLP(nn.Module):
    """See the top of the file. input_shape: channels and axes of one input, any number of them."""

    def __init__(self, num_outputs: int, *, input_shape: tuple[int, ...] = (1, 28, 28), hidden: int = 10) -> None:
        super().__init__()
        self._input_shape = per_axis(tuple(input_shape), max(1, len(input_shape)), "input_shape")
        self.hidden = nn.Linear(math.prod(self._input_shape), whole_number(hidden, "hidden"))
        self.act = nn.ReLU()
        self.head = nn.Linear(hidden, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, *input_shape)`."""
        check_shape(x, self._input_shape, "MLP")
        logits: Tensor = self.head(self.act(self.hidden(x.flatten(1))))
        return logits
