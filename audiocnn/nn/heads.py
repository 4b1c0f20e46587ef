"""What the outputs of a network's last layer mean for a task: the answers they give, and the loss they are trained by.

Training and inference share these classes. Answers are computed with NumPy, so that serving needs no torch; only `loss`
does.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import MAIN, TaskKind, TaskSpec

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]


class Head(ABC):
    """The head of one task. `num_outputs` is how many logits the network gives for one input."""

    def __init__(self, task: TaskSpec) -> None:
        self.num_outputs = len(task.labels)
        self._temperature = task.temperature

    def answers(self, logits: Array) -> Array:
        """One number for each label, `(batch, labels)`, from logits `(batch, num_outputs)`, at the temperature."""
        return self._answers(logits / self._temperature)

    @abstractmethod
    def _answers(self, logits: Array) -> Array:
        """`answers` at a temperature of 1."""

    @abstractmethod
    def loss(
        self, logits: "Tensor", targets: "Tensor", smoothing: float = 0.0, weights: "Tensor | None" = None
    ) -> "Tensor":
        """The mean loss of a batch.

        targets: `(batch, labels)`; for classes shares between 0 and 1, which `smoothing` draws towards the middle, for
        quantities values in their units.
        weights: `(labels,)`, how often each label counts where it is true; once by default. Quantities have none.
        """


class SingleLabelHead(Head):
    """Exactly one label is true: scores by softmax, cross-entropy."""

    def _answers(self, logits: Array) -> Array:
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
        return scores

    def loss(
        self, logits: "Tensor", targets: "Tensor", smoothing: float = 0.0, weights: "Tensor | None" = None
    ) -> "Tensor":
        from torch.nn import functional as F

        return F.cross_entropy(logits, targets, weights, label_smoothing=smoothing)


class MultiLabelHead(Head):
    """Any number of labels are true: a sigmoid and a binary cross-entropy for each."""

    def _answers(self, logits: Array) -> Array:
        return _sigmoid(logits)

    def loss(
        self, logits: "Tensor", targets: "Tensor", smoothing: float = 0.0, weights: "Tensor | None" = None
    ) -> "Tensor":
        return _binary_cross_entropy(logits, targets, smoothing, weights)


class BinaryHead(Head):
    """Two labels, negative and positive, and one logit, of the positive one: its sigmoid and the rest to 1."""

    def __init__(self, task: TaskSpec) -> None:
        super().__init__(task)
        self.num_outputs = 1

    def _answers(self, logits: Array) -> Array:
        return np.concatenate([_sigmoid(-logits), _sigmoid(logits)], axis=1)

    def loss(
        self, logits: "Tensor", targets: "Tensor", smoothing: float = 0.0, weights: "Tensor | None" = None
    ) -> "Tensor":
        if weights is None:
            return _binary_cross_entropy(logits, targets[:, 1:], smoothing)
        no, yes = weights
        weighted: Tensor = no * _binary_cross_entropy(logits, targets[:, 1:], smoothing, yes / no)
        return weighted


class RegressionHead(Head):
    """One logit for each quantity, standardised by mean and deviation of the training data; the mean squared error.

    Standardising makes quantities of any unit weigh alike. Answers are clipped to the legal range, training is not: at
    the edge of the range a clipped output would have no gradient.
    """

    def __init__(self, task: TaskSpec) -> None:
        super().__init__(task)
        self._mean = np.array([quantity.mean for quantity in task.quantities])
        self._deviation = np.array([quantity.deviation for quantity in task.quantities])
        self._low = np.array([-np.inf if q.low is None else q.low for q in task.quantities])
        self._high = np.array([np.inf if q.high is None else q.high for q in task.quantities])

    def _answers(self, logits: Array) -> Array:
        return (self._mean + self._deviation * logits).clip(self._low, self._high)

    def loss(
        self, logits: "Tensor", targets: "Tensor", smoothing: float = 0.0, weights: "Tensor | None" = None
    ) -> "Tensor":
        from torch.nn import functional as F

        mean, deviation = (targets.new_tensor(values) for values in (self._mean, self._deviation))
        return F.mse_loss(logits, (targets - mean) / deviation)


_HEADS: dict[TaskKind, type[Head]] = {
    "single_label": SingleLabelHead,
    "multi_label": MultiLabelHead,
    "binary": BinaryHead,
    "regression": RegressionHead,
}


def head_of(task: TaskSpec) -> Head:
    """The head for `task`."""
    return _HEADS[task.kind](task)


class Heads:
    """The heads of all tasks of a network, whose logits stand side by side: the main task's and each side task's.

    `num_outputs` is how many logits the network gives for one input, and `outputs` which of them are each task's.
    Answers and targets stand side by side as well, one column for each label; a binary task has two of them and one
    logit.
    """

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        self._heads = {name: head_of(task) for name, task in tasks.items()}
        self.outputs = _spans({name: head.num_outputs for name, head in self._heads.items()})
        self._labels = _spans({name: len(task.labels) for name, task in tasks.items()})
        self.num_outputs = sum(head.num_outputs for head in self._heads.values())
        self.num_labels = sum(len(task.labels) for task in tasks.values())

    def answers(self, logits: Array) -> Array:
        """One number for each label of each task, `(batch, num_labels)`, from logits `(batch, num_outputs)`."""
        return np.concatenate(
            [head.answers(logits[:, self.outputs[name]]) for name, head in self._heads.items()], axis=1
        )

    def split(self, answers: Array) -> dict[str, Array]:
        """What `answers` gave, or targets, by task: the last axis has one number for each of its labels."""
        return {name: answers[..., span] for name, span in self._labels.items()}

    def loss(
        self,
        logits: "Tensor",
        targets: "Tensor",
        smoothing: float = 0.0,
        weights: "Tensor | None" = None,
        side_weights: Mapping[str, float] = MappingProxyType({}),
    ) -> "Tensor":
        """The mean loss of a batch: the main task's, plus each side task's times its weight (1 if it has none).

        targets: `(batch, num_labels)`; these and `smoothing` as in `Head.loss`. weights: of the main task's labels.
        """
        losses = {
            name: head.loss(
                logits[:, self.outputs[name]],
                targets[:, self._labels[name]],
                smoothing,
                weights if name == MAIN else None,
            )
            for name, head in self._heads.items()
        }
        return sum((loss * side_weights.get(name, 1.0) for name, loss in losses.items()), logits.new_zeros(()))


def _spans(sizes: Mapping[str, int]) -> dict[str, slice]:
    ends = np.cumsum([0, *sizes.values()]).tolist()
    return {name: slice(start, end) for name, (start, end) in zip(sizes, pairwise(ends), strict=True)}


def _sigmoid(logits: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * logits)  # without overflow


def _binary_cross_entropy(
    logits: "Tensor", targets: "Tensor", smoothing: float, weights: "Tensor | None" = None
) -> "Tensor":
    from torch.nn import functional as F

    return F.binary_cross_entropy_with_logits(logits, targets * (1 - smoothing) + smoothing / 2, pos_weight=weights)
