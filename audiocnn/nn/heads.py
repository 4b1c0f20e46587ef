"""What the outputs of a network's last layer mean for a task: the answers they give, and the loss they are trained by.

Training and inference share these classes. Answers are computed with NumPy, so that serving needs no torch; only `loss`
does.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import MAIN, Quantity, TaskKind, TaskSpec

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

_LARGEST_LOG = 700.0  # its exponential still is a number
_NEIGHBOURS = 2


class Head(ABC):
    """The head of one task. `num_outputs` is how many logits the network gives for one input."""

    def __init__(self, task: TaskSpec) -> None:
        self.num_outputs = len(task.labels)
        self._temperature = task.temperature

    def answers(self, logits: Array) -> Array:
        """One number for each label, `(batch, labels)`, from logits `(batch, num_outputs)`, at the temperature."""
        return self._answers(logits / self._temperature)

    def of_clips(self, logits: Array, windows: NDArray[np.int64]) -> Array:
        """One number for each label of whole clips, `(clips, labels)`: the mean of the answers for their windows.

        logits: `(windows of all clips, num_outputs)`, clip after clip. windows: how many each clip has; zeros answer
        for one that has none.
        """
        return _means(self.answers(logits), windows)

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
        return _softmax(logits)

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
    """A number for each quantity, from one logit or, where it has `bins`, from one for each bin; see below."""

    def __init__(self, task: TaskSpec) -> None:
        super().__init__(task)
        self._parts = [_Bins(quantity) if quantity.bins else _Deviations(quantity) for quantity in task.quantities]
        ends = np.cumsum([part.num_outputs for part in self._parts]).tolist()
        self._columns = [slice(end - part.num_outputs, end) for part, end in zip(self._parts, ends, strict=True)]
        self.num_outputs = ends[-1]

    def _answers(self, logits: Array) -> Array:
        values = [part.answers(logits[:, columns]) for part, columns in zip(self._parts, self._columns, strict=True)]
        return np.stack(values, axis=1)

    def of_clips(self, logits: Array, windows: NDArray[np.int64]) -> Array:
        parts = zip(self._parts, self._columns, strict=True)
        values = [part.of_clips(logits[:, columns], windows) for part, columns in parts]
        return np.stack(values, axis=1)

    def loss(
        self, logits: "Tensor", targets: "Tensor", smoothing: float = 0.0, weights: "Tensor | None" = None
    ) -> "Tensor":
        parts = zip(self._parts, self._columns, strict=True)
        losses = [part.loss(logits[:, columns], targets[:, i]) for i, (part, columns) in enumerate(parts)]
        return sum(losses, logits.new_zeros(())) / len(losses)


class _Deviations:
    """One logit: how many deviations the quantity, or its logarithm, is above the mean. The mean squared error.

    Deviations make quantities of any unit weigh alike. Answers are clipped to the legal range, training is not: at the
    edge of the range a clipped output would have no gradient.
    """

    num_outputs = 1

    def __init__(self, quantity: Quantity) -> None:
        self._quantity = quantity

    def answers(self, logits: Array) -> Array:
        values: Array = self._quantity.mean + self._quantity.deviation * logits[:, 0]
        if self._quantity.scale == "log":
            values = np.exp(values.clip(-_LARGEST_LOG, _LARGEST_LOG))
        low, high = self._quantity.low, self._quantity.high
        return values.clip(-np.inf if low is None else low, np.inf if high is None else high)

    def of_clips(self, logits: Array, windows: NDArray[np.int64]) -> Array:
        return _means(self.answers(logits)[:, np.newaxis], windows)[:, 0]

    def loss(self, logits: "Tensor", targets: "Tensor") -> "Tensor":
        from torch.nn import functional as F

        values = targets.log() if self._quantity.scale == "log" else targets
        return F.mse_loss(logits[:, 0], (values - self._quantity.mean) / self._quantity.deviation)


class _Bins:
    """A logit for each bin, trained by the cross-entropy with a bell of a bin's deviation around the target.

    The answer is the mean over the best bin and its neighbours, finer than the bins are apart, and on one of two peaks
    where there are two: that is what bins are for. Hence the answer for a clip is that of its windows' mean shares, and
    not the mean of their answers.
    """

    def __init__(self, quantity: Quantity) -> None:
        self.num_outputs = quantity.bins
        self._is_log = quantity.scale == "log"
        low, high = (math.log(v) if self._is_log else v for v in (quantity.low or 0.0, quantity.high or 0.0))
        self._centres = np.linspace(low, high, quantity.bins)

    def answers(self, logits: Array) -> Array:
        return self._peaks(_softmax(logits))

    def of_clips(self, logits: Array, windows: NDArray[np.int64]) -> Array:
        return self._peaks(_means(_softmax(logits), windows))

    def _peaks(self, shares: Array) -> Array:
        """The value at the peak of shares `(n, bins)`."""
        best = shares.argmax(axis=1)[:, np.newaxis]
        near = np.abs(np.arange(self.num_outputs) - best) <= _NEIGHBOURS
        weights = np.where(near, shares + np.finfo(float).tiny, 0.0)  # without any window all are 0
        values: Array = (weights * self._centres).sum(axis=1) / weights.sum(axis=1)
        return np.exp(values) if self._is_log else values

    def loss(self, logits: "Tensor", targets: "Tensor") -> "Tensor":
        from torch.nn import functional as F

        centres = targets.new_tensor(self._centres)
        values = targets.log() if self._is_log else targets
        distances = (values[:, None] - centres) / (centres[1] - centres[0])
        return F.cross_entropy(logits, (-0.5 * distances.square()).softmax(dim=1))


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

    def of_clips(self, logits: Array, windows: NDArray[np.int64]) -> Array:
        """What `Head.of_clips` gives for each task, side by side: `(clips, num_labels)`."""
        return np.concatenate(
            [head.of_clips(logits[:, self.outputs[name]], windows) for name, head in self._heads.items()], axis=1
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


def _means(rows: Array, windows: NDArray[np.int64]) -> Array:
    """The means of `windows[0]` rows, of the `windows[1]` rows after them and so on; zeros for a mean of none."""
    sums = np.zeros((len(windows), rows.shape[1]))
    np.add.at(sums, np.repeat(np.arange(len(windows)), windows), rows)
    means: Array = sums / windows.clip(min=1)[:, np.newaxis]
    return means


def _softmax(logits: Array) -> Array:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares


def _sigmoid(logits: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * logits)  # without overflow


def _binary_cross_entropy(
    logits: "Tensor", targets: "Tensor", smoothing: float, weights: "Tensor | None" = None
) -> "Tensor":
    from torch.nn import functional as F

    return F.binary_cross_entropy_with_logits(logits, targets * (1 - smoothing) + smoothing / 2, pos_weight=weights)
