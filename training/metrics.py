"""Quality of predictions, as pure functions on arrays.

scikit-learn is imported where it is used: it takes nearly as long as torch, and most runs start without it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, TaskSpec

Scores = NDArray[np.float64]

_OCTAVES = np.array([1, 2, 3, 1 / 2, 1 / 3])
"""The true value, and what passes for it in the second accuracy of tempo."""

_LEAST = float(np.finfo(np.float64).eps)
"""Whose logarithm a score of 0 has in a loss."""

NO_ANSWER = -1
"""In place of the index of a label, where a clip has no answer."""


def best_labels(scores: Scores) -> NDArray[np.int64]:
    """The index of the label with the highest score in each row of `(clips, labels)`, of which one is true.

    `NO_ANSWER` for a row of zeros: that of a silent clip, for which the model's users get no answer.
    """
    return np.where(scores.any(axis=1), scores.argmax(axis=1), NO_ANSWER)


def measure(scores: Scores, targets: Scores, task: TaskSpec, merge: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The metrics of a task for answers and targets `(clips, labels)`.

    single_label: accuracy, macro F1, loss, confusion matrix (rows are true labels), and with `merge` the accuracy with
    labels joined; for two labels ROC-AUC too. multi_label: loss; of hard labels macro ROC-AUC and average precision of
    those that occur and do not always; of shares mean absolute error, Pearson correlation and R2, of each label
    (`by_label`) and in the mean over labels. binary: accuracy and F1 at a score of 0.5, loss, confusion matrix, and
    where both labels occur ROC-AUC and average precision. Of these two kinds a silent clip, whose scores are all 0, has
    no answer: it is wrong, in no column of the confusion matrix, and counted as `unanswered` where there are any.
    regression: mean absolute error, root mean squared error and
    R2 of each quantity, in its unit and with its name behind if there are several; loss: the mean squared error in
    deviations.
    """
    if task.kind == "regression":
        return _regression(scores, targets, task)
    if task.kind == "binary":
        return _binary(scores, targets, task)
    if task.kind == "multi_label":
        return _multi_label(scores, targets, task)
    from sklearn.metrics import f1_score, roc_auc_score

    truth, answer = targets.argmax(1), best_labels(scores)
    labels = list(range(len(task.labels)))
    metrics: dict[str, Any] = {
        "clips": len(targets),
        "accuracy": float((truth == answer).mean()),
        "macro_f1": float(f1_score(truth, answer, average="macro", labels=labels, zero_division=0)),
        "loss": mean_loss(scores, targets, task),
        **_confusion(truth, answer, len(labels)),
    }
    if len(labels) == 2 and len(set(truth.tolist())) == 2:
        metrics["roc_auc"] = float(roc_auc_score(truth, scores[:, 1]))
    if merge:
        matrix = merge_matrix(task.labels, merge)
        metrics["merged_accuracy"] = float((best_labels(scores @ matrix) == (targets @ matrix).argmax(1)).mean())
    return metrics


def mean_loss(scores: Scores, targets: Scores, task: TaskSpec) -> float:
    """The loss of answers and targets `(clips, labels)`: the mean of `clip_losses`."""
    return float(clip_losses(scores, targets, task).mean())


def clip_losses(scores: Scores, targets: Scores, task: TaskSpec) -> Scores:
    """How wrong each clip's answer is, `(clips,)`, for answers and targets `(clips, labels)`.

    One true label: the cross-entropy. Several: the mean of that of each. Quantities: the mean squared error in
    deviations.
    """
    if task.kind == "regression":
        squared: Scores = np.square(in_deviations(scores, targets, task)).mean(axis=1)
        return squared
    terms = targets * np.log(scores.clip(_LEAST, 1))  # a silent clip scores 0 for all
    if task.kind == "multi_label":
        both: Scores = -(terms + (1 - targets) * np.log((1 - scores).clip(_LEAST, 1))).mean(axis=1)
        return both
    of_true: Scores = -terms.sum(axis=1)
    return of_true


def in_deviations(values: Scores, targets: Scores, task: TaskSpec) -> Scores:
    """How far the quantities `values` lie above `targets`, `(clips, labels)` all three, in deviations of the training
    data; on a log scale those of the logarithms."""
    errors = [
        (np.log(answers / truth) if quantity.scale == "log" else answers - truth) / quantity.deviation
        for answers, truth, quantity in zip(values.T, targets.T, task.quantities, strict=True)
    ]
    return np.stack(errors, axis=1)


def near(answers: Scores, truth: Scores, tolerance: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the answers `(clips,)` come as near to the truth as the relative error `tolerance`, and which to it or
    to two or three times, a half or a third of it: accuracies 1 and 2 of tempo."""
    found = np.abs(answers[:, np.newaxis] / (truth[:, np.newaxis] * _OCTAVES) - 1) <= tolerance
    return found[:, 0], found.any(axis=1)


def measure_tasks(
    scores: Mapping[str, Scores],
    targets: Mapping[str, Scores],
    tasks: Mapping[str, TaskSpec],
    merge: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """The metrics of the main task, and under `side` those of the side tasks with targets, by name, if there are any.

    scores, targets: of each task. tasks: as in `ModelSpec.tasks`. merge: of the main task.
    """
    metrics = measure(scores[MAIN], targets[MAIN], tasks[MAIN], merge)
    known = {name: tasks[name] for name in targets if name != MAIN}
    side = {name: measure(scores[name], targets[name], task, {}) for name, task in known.items()}
    return metrics | ({"side": side} if side else {})


def over_folds(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean and deviation of each metric, also of those within others (`side`, `by_label`).

    One that not every fold has, as its clips were all alike, is left out.
    """
    summary: dict[str, Any] = {}
    for name, value in folds[0].items():
        column = [fold[name] for fold in folds if name in fold]
        if len(column) < len(folds):
            continue
        if isinstance(value, float):
            summary[name] = {"mean": float(np.mean(column)), "deviation": float(np.std(column))}
        elif isinstance(value, Mapping):
            summary[name] = over_folds(column)
    return summary


def _confusion(truth: NDArray[Any], answer: NDArray[np.int64], num_labels: int) -> dict[str, Any]:
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(truth, answer, labels=range(num_labels)).tolist()
    unanswered = int((answer == NO_ANSWER).sum())
    return {"confusion": counts} | ({"unanswered": unanswered} if unanswered else {})


def _multi_label(scores: Scores, targets: Scores, task: TaskSpec) -> dict[str, Any]:
    metrics: dict[str, Any] = {"clips": len(targets), "loss": mean_loss(scores, targets, task)}
    if not is_hard(targets):
        return metrics | _shares(scores, targets, task)
    mixed = [i for i in range(len(task.labels)) if 0 < targets[:, i].sum() < len(targets)]
    if mixed:
        from sklearn.metrics import average_precision_score, roc_auc_score

        metrics["roc_auc"] = float(roc_auc_score(targets[:, mixed], scores[:, mixed], average="macro"))
        metrics["average_precision"] = float(
            average_precision_score(targets[:, mixed], scores[:, mixed], average="macro")
        )
    return metrics


def is_hard(targets: Scores) -> bool:
    """Whether each label is either true or not, and none a share between."""
    return bool(np.isin(targets, (0, 1)).all())


def _shares(scores: Scores, targets: Scores, task: TaskSpec) -> dict[str, Any]:
    """A label whose shares are all alike has no R2, and no correlation; the latter needs answers that differ, too."""
    by_label: dict[str, dict[str, float]] = {}
    for i, label in enumerate(task.labels):
        errors, answers, shares = scores[:, i] - targets[:, i], scores[:, i], targets[:, i]
        by_label[label] = {"mae": float(np.abs(errors).mean())}
        if shares.std() > 0:
            by_label[label]["r2"] = float(1 - np.square(errors).mean() / shares.var())
            if answers.std() > 0:
                by_label[label]["pearson"] = float(np.corrcoef(answers, shares)[0, 1])
    found = {
        name: [values[name] for values in by_label.values() if name in values] for name in ("mae", "pearson", "r2")
    }
    means = {name: float(np.mean(values)) for name, values in found.items() if values}
    return {**means, "by_label": by_label}


def _binary(both: Scores, targets: Scores, task: TaskSpec) -> dict[str, Any]:
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    scores, truth = both[:, 1], targets[:, 1]
    answer = np.where(both.any(axis=1), scores >= 0.5, NO_ANSWER)
    metrics: dict[str, Any] = {
        "clips": len(truth),
        "accuracy": float((answer == truth).mean()),
        "f1": float(f1_score(truth, answer == 1, zero_division=0)),
        "loss": mean_loss(both, targets, task),
        **_confusion(truth, answer, 2),
    }
    if 0 < truth.sum() < len(truth):
        metrics["roc_auc"] = float(roc_auc_score(truth, scores))
        metrics["average_precision"] = float(average_precision_score(truth, scores))
    return metrics


def _regression(values: Scores, targets: Scores, task: TaskSpec) -> dict[str, Any]:
    metrics: dict[str, Any] = {"clips": len(targets), "loss": mean_loss(values, targets, task)}
    for i, (label, quantity) in enumerate(zip(task.labels, task.quantities, strict=True)):
        name = f" {label}" if len(task.labels) > 1 else ""
        answers, truth = values[:, i], targets[:, i]
        squared = np.square(answers - truth)
        metrics[f"mae{name}"] = float(np.abs(answers - truth).mean())
        metrics[f"rmse{name}"] = float(np.sqrt(squared.mean()))
        if variance := truth.var():
            metrics[f"r2{name}"] = float(1 - squared.mean() / variance)
        if quantity.tolerance:
            accurate, with_octaves = near(answers, truth, quantity.tolerance)
            metrics[f"accuracy1{name}"] = float(accurate.mean())
            metrics[f"accuracy2{name}"] = float(with_octaves.mean())
    return metrics


def merge_matrix(labels: Sequence[str], merge: Mapping[str, Sequence[str]]) -> Scores:
    """`(labels, coarser labels)`: 1 where a label becomes part of a coarser one. The others stay as they are.

    Raises `ConfigError` for a label that does not exist.
    """
    joined = {label: name for name, parts in merge.items() for label in parts}
    unknown = sorted(set(joined) - set(labels))
    if unknown:
        raise ConfigError(f"merge names unknown labels {', '.join(unknown)}; known: {', '.join(labels)}")
    coarse = list(dict.fromkeys(joined.get(label, label) for label in labels))
    matrix = np.zeros((len(labels), len(coarse)))
    for i, label in enumerate(labels):
        matrix[i, coarse.index(joined.get(label, label))] = 1
    return matrix
