"""What the answers look like by label, by group and clip by clip, worst first."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics import NO_ANSWER, Scores, best_labels, clip_losses
from training.reliability import decisions
from training.report import weighted
from training.report.pool import Pool


@dataclass(frozen=True, slots=True)
class GroupRow:
    """error: share of wrong answers, or for quantities and several labels the mean loss. truth, said: what the clips
    are and what the model said most often where it was wrong; both empty for quantities and several labels."""

    name: str
    clips: int
    error: float
    truth: str
    said: str


@dataclass(frozen=True, slots=True)
class WorstClip:
    """A clip over all seeds. loss: its mean. truth, said: by label, as columns of the answers; of quantities what the
    worst seed said, for the mean of two answers may be none that a model would give. windows_right: the share of its
    windows that are right by themselves, None for quantities and several labels. worst_start_s: where the window with
    the largest loss begins, None for a clip with fewer than two windows."""

    name: str
    group: str
    loss: float
    truth: Scores
    said: Scores
    windows_right: float | None
    worst_start_s: float | None


def confusion(pool: Pool) -> NDArray[np.int64]:
    """How often each label was answered (columns) for each true one (rows); clips without an answer are left out."""
    count, answer = len(pool.task.labels), best_labels(pool.scores)
    pairs = (pool.targets.argmax(axis=1) * count + answer)[answer != NO_ANSWER]
    counts: NDArray[np.int64] = np.bincount(pairs, minlength=count * count).reshape(count, count)
    return counts


def top_confusions(counts: NDArray[np.int64], most: int) -> list[tuple[int, int, int]]:
    """The pairs of labels mixed up most often: the true one, the answered one, how often."""
    wrong = counts * (1 - np.eye(len(counts), dtype=counts.dtype))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = np.stack(np.unravel_index(order, wrong.shape), axis=1).tolist()
    return [(i, j, int(wrong[i, j])) for i, j in pairs if wrong[i, j]]


def per_label(pool: Pool) -> list[dict[str, float]]:
    """The metrics of each label, in the order of the task; one that is not defined is NaN.

    clips: how many have it. Single labels and yes or no: precision, recall, f1, roc_auc, average_precision. Several
    labels: the same, decided at the task's thresholds. Shares and quantities: mae, r2, pearson.
    """
    once = np.ones((1, len(pool.targets)))
    if pool.task.kind == "regression" or pool.has_shares:
        return [_amounts(pool.scores[:, i], pool.targets[:, i], once) for i in range(len(pool.task.labels))]
    decided = decisions(pool.scores, pool.task)
    if pool.task.kind != "multi_label":  # unknown is for users: here each clip has its best label
        decided = np.arange(pool.scores.shape[1]) == best_labels(pool.scores)[:, np.newaxis]
    return [
        _decided(decided[:, i], pool.scores[:, i], pool.targets[:, i] > 0.5, once) for i in range(len(pool.task.labels))
    ]


def by_group(pool: Pool) -> list[GroupRow]:
    """A row for each group with the worst first; none if every clip is a group of its own."""
    if len(set(pool.groups)) >= pool.num_clips:
        return []
    labels, one_answer = pool.task.labels, pool.task.kind in ("single_label", "binary")
    truth, answer = pool.targets.argmax(axis=1), best_labels(pool.scores)
    mistaken = (truth != answer) & (answer != NO_ANSWER)
    wrong = (truth != answer).astype(float) if one_answer else clip_losses(pool.scores, pool.targets, pool.task)
    rows = []
    for name in sorted(set(pool.groups)):
        mine = np.array([group == name for group in pool.groups])
        true_labels = [labels[i] for i in truth[mine]] if one_answer else []
        said = [labels[i] for i in answer[mine & mistaken]] if one_answer else []
        clips = len({clip for clip, is_mine in zip(pool.clips, mine, strict=True) if is_mine})
        rows.append(GroupRow(name, clips, float(wrong[mine].mean()), _joined(true_labels), _commonest(said)))
    return sorted(rows, key=lambda row: (-row.error, -row.clips, row.name))


def worst_clips(pool: Pool, most: int) -> list[WorstClip]:
    """The clips with the largest loss, worst first; only those that are wrong where an answer is right or wrong."""
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(pool.clips):
        rows_of.setdefault(name, []).append(row)
    loss = clip_losses(pool.scores, pool.targets, pool.task)
    mean_loss = {name: float(loss[rows].mean()) for name, rows in rows_of.items()}
    if pool.task.kind in ("single_label", "binary"):
        wrong = pool.targets.argmax(axis=1) != best_labels(pool.scores)
        mean_loss = {name: value for name, value in mean_loss.items() if wrong[rows_of[name]].any()}
    worst = sorted(mean_loss, key=lambda name: (-mean_loss[name], name))[:most]
    return [_worst(pool, name, rows_of[name], loss[rows_of[name]]) for name in worst]


def _worst(pool: Pool, name: str, rows: list[int], loss: Scores) -> WorstClip:
    mine = np.isin(pool.window_rows, rows)
    targets = pool.targets[pool.window_rows[mine]]
    scores = pool.window_scores[mine]
    right, start_s = None, None
    if pool.task.kind in ("single_label", "binary") and len(scores):
        right = float((scores.argmax(axis=1) == targets.argmax(axis=1)).mean())
    if len(scores) >= 2 * len(rows):
        start_s = float(pool.window_start_s[mine][clip_losses(scores, targets, pool.task).argmax()])
    said = pool.scores[rows]
    said = said[loss.argmax()] if pool.task.quantities else said.mean(axis=0)
    return WorstClip(name, pool.groups[rows[0]], float(loss.mean()), pool.targets[rows[0]], said, right, start_s)


def _decided(answer: NDArray[np.bool_], scores: Scores, truth: NDArray[np.bool_], once: Scores) -> dict[str, float]:
    hits = float((answer & truth).sum())
    return {
        "clips": float(truth.sum()),
        "precision": hits / float(answer.sum()) if answer.any() else np.nan,
        "recall": hits / float(truth.sum()) if truth.any() else np.nan,
        "f1": float(weighted.f1(truth, answer, once)[0]) if answer.any() or truth.any() else np.nan,
        "roc_auc": float(weighted.roc_auc(scores, truth, once)[0]),
        "average_precision": float(weighted.average_precision(scores, truth, once)[0]),
    }


def _amounts(answers: Scores, targets: Scores, once: Scores) -> dict[str, float]:
    errors = answers - targets
    return {
        "mean": float(targets.mean()),
        "mae": float(np.abs(errors).mean()),
        "bias": float(errors.mean()),
        "r2": float(weighted.r2(errors, targets, once)[0]),
        "pearson": float(weighted.pearson(answers, targets, once)[0]),
    }


def _joined(names: list[str]) -> str:
    """One or two of them by name."""
    kinds = sorted(set(names))
    return ", ".join(kinds) if len(kinds) < 3 else f"{len(kinds)} labels"


def _commonest(names: list[str]) -> str:
    return Counter(names).most_common(1)[0][0] if names else ""
