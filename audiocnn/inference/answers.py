"""From logits to named answers: `Answerer`."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from audiocnn.nn.heads import Heads
from audiocnn.prediction import Answers, Estimate, Prediction
from audiocnn.spec import TaskSpec

Vote = NDArray[np.float64] | None
"""The logits of one window; None for one that does not vote."""


class Answerer:
    """Says what logits mean for `tasks`, by the name of the task. Immutable."""

    def __init__(self, tasks: Mapping[str, TaskSpec]) -> None:
        self._tasks = tasks
        self._heads = Heads(tasks)
        self.num_outputs = self._heads.num_outputs

    def of_window(self, vote: Vote) -> dict[str, Answers]:
        """The answers for one window; none for one that does not vote."""
        return self._answers(None if vote is None else self._heads.answers(vote[np.newaxis])[0])

    def of_clip(self, votes: Sequence[Vote]) -> tuple[dict[str, Answers], dict[str, tuple[str, ...]]]:
        """The answers over all windows that vote, and the labels that each task decides for."""
        logits = np.array([vote for vote in votes if vote is not None])
        row = self._heads.of_clips(logits, np.array([len(logits)]))[0] if len(logits) else None
        return self._answers(row), self._labels(row)

    def _answers(self, row: NDArray[np.float64] | None) -> dict[str, Answers]:
        if row is None:
            return dict.fromkeys(self._tasks, ())
        rows = self._heads.split(row)
        return {name: _named(rows[name], task) for name, task in self._tasks.items()}

    def _labels(self, row: NDArray[np.float64] | None) -> dict[str, tuple[str, ...]]:
        if row is None:
            return dict.fromkeys(self._tasks, ())
        rows = self._heads.split(row)
        return {name: task.decided(rows[name].tolist()) for name, task in self._tasks.items()}


def _named(row: NDArray[np.float64], task: TaskSpec) -> Answers:
    if task.kind == "regression":
        named = zip(task.labels, row, task.quantities, strict=True)
        return tuple(Estimate(label, float(value), quantity.unit) for label, value, quantity in named)
    order = np.argsort(-row, kind="stable")
    return tuple(Prediction(task.labels[i], float(row[i])) for i in order)
