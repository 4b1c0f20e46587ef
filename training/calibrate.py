"""Fitting what turns scores into decisions, on clips that the model was not trained on.

A temperature for each task of labels; a threshold for each of several labels; and, if asked, the score below which a
single label is unknown. What is reported of them is cross-fitted: each part of the clips is measured with what was
fitted on the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn import checkpoint
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import Heads
from audiocnn.spec import MAIN, TaskSpec
from training.answers import ANSWERS, Answered, joined
from training.config import Config
from training.crossval import read_runs
from training.data.manifest import read_clips
from training.data.split import split_of_model
from training.evaluate import answer
from training.metrics import is_hard, mean_loss
from training.reliability import decisions, reliability

PARTS = 5
"""Of the validation clips, for cross-fitting."""
_COLDEST, _WARMEST = 0.05, 20.0
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Answers for clips that the answering model was not trained on, and the part that each clip belongs to."""

    answered: Answered
    parts: NDArray[np.int64]
    source: str


def calibrate(model: Path, held_out: HeldOut, accuracy: float | None) -> dict[str, Any]:
    """Fit the tasks of the model in the directory `model`, write them into its `config.json`, and say what they are.

    accuracy: of the clips that get a single label; those with lower scores are to be unknown. None answers all.
    Returns for the main task, and under `side` for each side task, what was fitted, and how it measures `before` (at
    temperature 1 and without thresholds) and `after`, cross-fitted.
    Raises `ConfigError` for answers of other tasks, and an accuracy that is out of reach or not for the main task.
    """
    spec = checkpoint.read_spec(model)
    check_accuracy(spec.task, accuracy)
    tasks = {name: _fresh(task) for name, task in spec.tasks.items()}
    _check(held_out, tasks)
    fitted, report = dict(spec.tasks), {}
    for name in tasks:
        if tasks[name].kind != "regression" and name in held_out.answered.targets:
            answered = held_out.answered.only(name, tasks)
            wanted = accuracy if name == MAIN else None
            fitted[name] = fit(tasks[name], answered, wanted)
            report[name] = _report(tasks[name], fitted[name], answered, held_out.parts, wanted)
    main = report.pop(MAIN, {})
    summary = main | ({"side": report} if report else {}) | {"clips": len(held_out.parts), "on": held_out.source}
    metrics = {**spec.metrics, "calibration": _without_curves(summary)}
    calibrated = replace(spec, task=fitted.pop(MAIN), side_tasks=fitted, metrics=metrics)
    checkpoint.write_spec(model, calibrated)
    return summary


def check_accuracy(task: TaskSpec, accuracy: float | None) -> None:
    """Raises `ConfigError` for an accuracy to be reached in another task than that of a single label."""
    if accuracy is not None and task.kind != "single_label":
        raise ConfigError(
            f"an accuracy to reach, here {accuracy:g}, is for data.kind = 'single_label', whose unsure answers become "
            f"unknown; the model's task is {task.kind!r}: leave out --accuracy"
        )


def fit(task: TaskSpec, answered: Answered, accuracy: float | None = None) -> TaskSpec:
    """`task`, as it comes without any decision, with what fits these answers to it alone best.

    Raises `ConfigError` if no clip is heard, or if even the surest do not reach `accuracy`.
    """
    heard = answered.take(answered.windows > 0)
    if not len(heard.windows):
        raise ConfigError("calibration needs clips that are heard, all of these are silent")
    targets = heard.targets[MAIN]
    task = replace(task, temperature=_temperature(task, heard))
    scores = heard.scores({MAIN: task})[MAIN]
    if task.kind == "multi_label" and is_hard(targets):
        return replace(task, thresholds=tuple(best_threshold(s, t) for s, t in zip(scores.T, targets.T, strict=True)))
    if task.kind == "single_label" and accuracy is not None:
        right = scores.argmax(1) == targets.argmax(1)
        return replace(task, unknown_below=lowest_score(scores.max(1), right, accuracy))
    return task


def _temperature(task: TaskSpec, heard: Answered) -> float:
    """What makes the log loss of the clips' answers, each a mean over windows, least."""

    def loss(log_temperature: float) -> float:
        scores = heard.scores({MAIN: replace(task, temperature=float(np.exp(log_temperature)))})[MAIN]
        return mean_loss(scores, heard.targets[MAIN], task)

    grid = np.linspace(np.log(_COLDEST), np.log(_WARMEST), 9)
    for _ in range(6):  # each looks four times as closely
        best = int(np.argmin([loss(point) for point in grid]))
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, 8)], 9)
    return round(float(np.exp(grid[4])), 4)


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """The score from which on a label is decided for, so that its F1 is best; of equals that nearest to 0.5.

    It lies between two scores. Where the label is never true, there is nothing to learn and it is 0.5.
    """
    if not truth.any():
        return 0.5
    values, inverse = np.unique(scores, return_inverse=True)
    hits = np.bincount(inverse, truth)[::-1].cumsum()[::-1]  # true, and decided for from each value on
    decided = np.bincount(inverse)[::-1].cumsum()[::-1]
    f1 = 2 * hits / (decided + truth.sum())
    cuts = np.concatenate([[values[0] / 2], (values[1:] + values[:-1]) / 2])
    best = np.flatnonzero(np.isclose(f1, f1.max()))
    return round(float(cuts[best[np.argmin(np.abs(cuts[best] - 0.5))]]), _DIGITS)


def lowest_score(scores: NDArray[np.float64], right: NDArray[np.bool_], accuracy: float) -> float:
    """The lowest score so that the clips with at least it are `accuracy` or more right; 0 if all are.

    Raises `ConfigError` if not even the surest clips are.
    """
    values, inverse = np.unique(scores, return_inverse=True)
    hits = np.bincount(inverse, right)[::-1].cumsum()[::-1]
    answered = np.bincount(inverse)[::-1].cumsum()[::-1]
    reached = np.flatnonzero(hits / answered >= accuracy)
    if not len(reached):
        best = (hits / answered).max()
        raise ConfigError(
            f"an accuracy of {accuracy:g} is out of reach: the surest clips are {best:.3f} right; ask for less"
        )
    first = int(reached[0])
    return 0.0 if first == 0 else round(float((values[first - 1] + values[first]) / 2), _DIGITS)


def _report(
    task: TaskSpec, fitted: TaskSpec, answered: Answered, parts: NDArray[np.int64], accuracy: float | None
) -> dict[str, Any]:
    """What was fitted, and what it is worth on clips that it was not fitted on."""
    targets = answered.targets[MAIN]
    before = answered.scores({MAIN: task})[MAIN]
    after, decided = np.zeros_like(before), np.zeros(before.shape, np.bool_)
    for part in np.unique(parts):
        inside = parts == part
        own = fit(task, answered.take(~inside), accuracy)
        after[inside] = answered.take(inside).scores({MAIN: own})[MAIN]
        decided[inside] = decisions(after[inside], own)
    values: dict[str, Any] = {"temperature": fitted.temperature}
    values |= {"thresholds": list(fitted.thresholds)} if fitted.thresholds else {}
    values |= {"unknown_below": fitted.unknown_below} if fitted.unknown_below else {}
    return {
        **values,
        "before": {"loss": mean_loss(before, targets, task), **reliability(before, targets, task)},
        "after": {"loss": mean_loss(after, targets, task), **reliability(after, targets, task, decided)},
    }


def on_validation(config: Config, data: Path, model: Path) -> HeldOut:
    """The model's answers for the validation clips of its training, in parts of whole groups.

    Raises `ConfigError` if there are none, or fewer than two groups.
    """
    spec = checkpoint.read_spec(model)
    clips = read_clips(data, config.data, config.input.media, config.side_tasks)
    split = split_of_model(clips, config, spec)
    if not split.validation:
        raise ConfigError(
            "calibration needs validation clips, and data.validation = 0 leaves none; "
            "take the answers of a cross-validation with --crossval"
        )
    answered, _ = answer(model, split.validation, data, max_unreadable=config.data.max_unreadable)
    groups = [group or name for group, name in zip(answered.groups, answered.clips, strict=True)]
    if len(set(groups)) < 2:
        raise ConfigError("calibration needs validation clips of at least 2 groups; set a larger data.validation")
    from sklearn.model_selection import GroupKFold

    parts = np.zeros(len(groups), np.int64)
    folds = GroupKFold(min(PARTS, len(set(groups)))).split(groups, groups=groups)
    for index, (_, inside) in enumerate(folds):
        parts[inside] = index
    return HeldOut(answered, parts, "validation")


def on_crossval(path: Path) -> HeldOut:
    """The answers that the models of a cross-validation gave for their test folds; a fold is a part.

    path: its `crossval.json`. Raises `ConfigError` if that, or the answers beside it, are missing.
    """
    runs = read_runs(path)
    folds = sorted({fold for _, fold in runs})
    if len(folds) < 2:
        raise ConfigError(f"calibration needs answers for at least 2 folds, {path} has {', '.join(folds) or 'none'}")
    found = [Answered.load(path.parent / f"seed-{seed}-fold-{fold}" / ANSWERS) for seed, fold in runs]
    sizes = [len(answered.windows) for answered in found]
    return HeldOut(joined(found), np.repeat([folds.index(fold) for _, fold in runs], sizes), "cross-validation")


def _fresh(task: TaskSpec) -> TaskSpec:
    return replace(task, temperature=1.0, thresholds=(), unknown_below=0.0)


def _check(held_out: HeldOut, tasks: Mapping[str, TaskSpec]) -> None:
    wanted = Heads(tasks)
    found = {name: values.shape[1] for name, values in held_out.answered.targets.items()}
    labels = {name: len(tasks[name].labels) for name in found if name in tasks}
    if held_out.answered.logits.shape[1] != wanted.num_outputs or found != labels:
        raise ConfigError(
            f"the answers have {held_out.answered.logits.shape[1]} outputs for tasks with {found} labels, the model "
            f"{wanted.num_outputs} for {labels}; take those of the same recipe"
        )


def _without_curves(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_curves(inner) for name, inner in value.items() if name != "coverage_accuracy"}
    return round(value, 4) if isinstance(value, float) else value
