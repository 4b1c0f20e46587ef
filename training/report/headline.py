"""The metrics of a task, as functions of how often each clip counts: with each once they are those of `measure`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from audiocnn.spec import TaskSpec
from training.metrics import NO_ANSWER, Scores, best_labels, clip_losses, is_hard, merge_matrix, near
from training.reliability import Decided
from training.report import weighted
from training.report.bootstrap import Metric

Truth = TypeVar("Truth", Scores, Decided)


def metrics_of(
    scores: Scores, targets: Scores, task: TaskSpec, merge: Mapping[str, Sequence[str]]
) -> dict[str, Metric]:
    """The metrics of answers and targets `(clips, labels)`, the most telling first, by the names `measure` gives them.

    merge: coarser labels of a single-label task, or {}.
    """
    if task.kind == "regression":
        metrics = _regression(scores, targets, task)
    elif task.kind == "binary":
        metrics = _binary(scores[:, 1], targets[:, 1] > 0.5, best_labels(scores) != NO_ANSWER)
    elif task.kind == "multi_label":
        metrics = _multi_label(scores, targets) if is_hard(targets) else _shares(scores, targets)
    else:
        metrics = _single_label(scores, targets, task, merge)
    return metrics | {"loss": _mean(clip_losses(scores, targets, task))}


def _single_label(
    scores: Scores, targets: Scores, task: TaskSpec, merge: Mapping[str, Sequence[str]]
) -> dict[str, Metric]:
    truth, answer = targets.argmax(axis=1), best_labels(scores)
    metrics: dict[str, Metric] = {"accuracy": _mean(truth == answer)}
    if merge:
        matrix = merge_matrix(task.labels, merge)
        metrics["merged_accuracy"] = _mean(best_labels(scores @ matrix) == (targets @ matrix).argmax(axis=1))
    metrics["macro_f1"] = lambda weights: weighted.macro_f1(truth, answer, len(task.labels), weights)
    if len(task.labels) == 2:
        metrics["roc_auc"] = lambda weights: weighted.roc_auc(scores[:, 1], truth == 1, weights)
    return metrics


def _binary(scores: Scores, truth: Decided, answered: Decided) -> dict[str, Metric]:
    answer = scores >= 0.5
    return {
        "accuracy": _mean(answered & (answer == truth)),
        "f1": lambda weights: weighted.f1(truth, answer, weights),
        "roc_auc": lambda weights: weighted.roc_auc(scores, truth, weights),
        "average_precision": lambda weights: weighted.average_precision(scores, truth, weights),
    }


def _multi_label(scores: Scores, targets: Scores) -> dict[str, Metric]:
    truth = targets > 0.5
    mixed = [i for i in range(targets.shape[1]) if 0 < truth[:, i].sum() < len(truth)]
    metrics: dict[str, Metric] = {}
    if mixed:
        for name, metric in (("roc_auc", weighted.roc_auc), ("average_precision", weighted.average_precision)):
            metrics[name] = _over([_of(metric, scores[:, i], truth[:, i]) for i in mixed])
    return metrics


def _shares(scores: Scores, targets: Scores) -> dict[str, Metric]:
    errors = scores - targets
    varied = [i for i in range(targets.shape[1]) if targets[:, i].std() > 0]
    answered = [i for i in varied if scores[:, i].std() > 0]
    metrics: dict[str, Metric] = {}
    if answered:
        metrics["pearson"] = _over([_of(weighted.pearson, scores[:, i], targets[:, i]) for i in answered])
    if varied:
        metrics["r2"] = _over([_of(weighted.r2, errors[:, i], targets[:, i]) for i in varied])
    return metrics | {"mae": _mean(np.abs(errors).mean(axis=1))}


def _regression(values: Scores, targets: Scores, task: TaskSpec) -> dict[str, Metric]:
    errors = values - targets
    metrics: dict[str, Metric] = {}
    names = [f" {label}" if len(task.labels) > 1 else "" for label in task.labels]
    for i, (name, quantity) in enumerate(zip(names, task.quantities, strict=True)):
        if quantity.tolerance:
            accurate, with_octaves = near(values[:, i], targets[:, i], quantity.tolerance)
            metrics |= {f"accuracy1{name}": _mean(accurate), f"accuracy2{name}": _mean(with_octaves)}
    for i, name in enumerate(names):
        metrics[f"mae{name}"] = _mean(np.abs(errors[:, i]))
    for i, name in enumerate(names):
        if targets[:, i].std() > 0:
            metrics[f"r2{name}"] = _of(weighted.r2, errors[:, i], targets[:, i])
    for i, name in enumerate(names):
        metrics[f"rmse{name}"] = _root_mean(np.square(errors[:, i]))
    return metrics


def _mean(values: Scores | Decided) -> Metric:
    return lambda weights: weighted.mean(values.astype(float), weights)


def _root_mean(values: Scores) -> Metric:
    return lambda weights: np.sqrt(weighted.mean(values, weights))


def _of(metric: Callable[[Scores, Truth, Scores], Scores], answers: Scores, truth: Truth) -> Metric:
    return lambda weights: metric(answers, truth, weights)


def _over(metrics: Sequence[Metric]) -> Metric:
    """The mean over labels, of those for which a resample has both kinds of clips."""

    def mean_of(weights: Scores) -> Scores:
        values = np.stack([metric(weights) for metric in metrics])
        finite = np.isfinite(values)
        counts = finite.sum(axis=0)
        return np.where(counts > 0, np.where(finite, values, 0).sum(axis=0) / counts.clip(min=1), np.nan)

    return mean_of
