"""How far scores can be trusted, as pure functions on arrays: calibration error, and accuracy where it is abstained."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import MAIN, TaskSpec
from training.metrics import Scores, best_labels, is_hard

BINS = 15
CURVE_POINTS = 20

Decided = NDArray[np.bool_]


def decisions(scores: Scores, task: TaskSpec) -> Decided:
    """Which labels the task decides for, `(clips, labels)`; none for a silent clip, whose scores are all 0."""
    labels = [set(task.decided(row)) if any(row) else set() for row in scores.tolist()]
    return np.array([[label in found for label in task.labels] for found in labels], np.bool_)


def reliability(scores: Scores, targets: Scores, task: TaskSpec, decided: Decided | None = None) -> dict[str, Any]:
    """What a task's scores are worth; arrays are `(clips, labels)`.

    `brier` is the mean squared error of a score, summed over the labels of a single-label task. `ece` is the expected
    calibration error in `BINS` bins of as many clips each: of the best label's score, or of several labels the mean of
    each one's own. Of one label among others, or of two, `coverage_accuracy` says how accurate the surest clips are,
    from a twentieth of them up to all, and the lowest score among them; where some clips are unknown, or silent,
    `coverage` and `accuracy_answered` are about the others. Of several hard labels `macro_f1` is that of the labels
    decided for.

    decided: the labels decided for, by default those of `task`. A regression has none of this.
    """
    if task.kind == "regression":
        return {}
    decided = decisions(scores, task) if decided is None else decided
    if task.kind == "multi_label":
        ece = float(np.mean([calibration_error(scores[:, i], targets[:, i]) for i in range(len(task.labels))]))
        found = {"ece": ece, "brier": float(np.square(scores - targets).mean())}
        if is_hard(targets):
            from sklearn.metrics import f1_score

            found["macro_f1"] = float(f1_score(targets.astype(bool), decided, average="macro", zero_division=0))
        return found
    right = best_labels(scores) == targets.argmax(1)
    squares = np.square(scores - targets).sum(axis=1).mean() / (2 if task.kind == "binary" else 1)
    measured: dict[str, Any] = {"ece": calibration_error(scores.max(1), right), "brier": float(squares)}
    known = decided.any(axis=1)
    if not known.all():
        measured["coverage"] = float(known.mean())
        if known.any():
            measured["accuracy_answered"] = float(right[known].mean())
    return measured | {"coverage_accuracy": coverage_accuracy(scores.max(1), right)}


def all_reliability(
    scores: Mapping[str, Scores], targets: Mapping[str, Scores], tasks: Mapping[str, TaskSpec]
) -> dict[str, Any]:
    """`reliability` of the main task, and under `side` that of each side task with targets and scores, by its name."""
    found = {name: reliability(scores[name], values, tasks[name]) for name, values in targets.items()}
    main = found.pop(MAIN)
    side = {name: values for name, values in found.items() if values}
    return main | ({"side": side} if side else {})


def by_score(scores: NDArray[np.float64], right: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores in rising order, and what is right of each: of equal scores the mean.

    Clips come in the order of their labels, so a bin that ended between equal scores would hold those of some labels.
    """
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return np.repeat(values, counts), np.repeat(np.bincount(inverse, right) / counts, counts)


def calibration_error(scores: NDArray[np.float64], right: NDArray[Any]) -> float:
    """The mean distance between score and share of what is right, over `BINS` bins with as many clips each.

    right: whether each is right, or to what share. Of n clips, chance alone gives about sqrt(BINS / n) / 3.
    """
    ranked, shares = by_score(scores, right)
    bins = zip(np.array_split(ranked, BINS), np.array_split(shares, BINS), strict=True)
    return float(sum(abs(score.sum() - share.sum()) for score, share in bins) / len(scores))


def coverage_accuracy(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """The accuracy of the surest clips, for shares of all clips in equal steps, and the lowest score among them."""
    ranked, shares = (values[::-1] for values in by_score(scores, right))
    counts = [math.ceil(len(scores) * step / CURVE_POINTS) for step in range(1, CURVE_POINTS + 1)]
    return [
        {
            "coverage": count / len(scores),
            "accuracy": float(shares[:count].mean()),
            "score": float(ranked[count - 1]),
        }
        for count in counts
    ]
