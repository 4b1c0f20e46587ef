"""Curves over a threshold: ROC, precision and recall, reliability."""

import numpy as np
from numpy.typing import NDArray

from audiocnn.plots.quality import Bins, Curve
from training.metrics import Scores, best_labels
from training.reliability import BINS, by_score
from training.report.pool import Pool


def roc(scores: Scores, truth: NDArray[np.bool_]) -> Curve:
    """False positive rate and true positive rate as the threshold falls. Both kinds of clips must occur."""
    true, false = _passed(scores, truth)
    return Curve(np.append(0, false / false[-1]), np.append(0, true / true[-1]))


def precision_recall(scores: Scores, truth: NDArray[np.bool_]) -> Curve:
    """Recall and precision as the threshold falls. True clips must occur."""
    true, false = _passed(scores, truth)
    precision = true / (true + false)
    return Curve(np.append(0, true / true[-1]), np.append(precision[0], precision))


def confidences(pool: Pool) -> tuple[Scores, NDArray[np.bool_]]:
    """How sure the model was, and whether that was right: the best score of each clip and whether it is the true
    label's; of several labels the score of each and whether it is true."""
    if pool.task.kind == "multi_label":
        return pool.scores.ravel(), pool.targets.ravel() > 0.5
    return pool.scores.max(axis=1), best_labels(pool.scores) == pool.targets.argmax(axis=1)


def confidence_bins(confidence: Scores, right: NDArray[np.bool_]) -> Bins:
    """The `BINS` bins of the expected calibration error, fewer if there are fewer answers."""
    bins = min(BINS, len(confidence))
    means = [[part.mean() for part in np.array_split(values, bins)] for values in by_score(confidence, right)]
    return Bins(*map(np.array, means))


def _passed(scores: Scores, truth: NDArray[np.bool_]) -> tuple[Scores, Scores]:
    """How many true and how many other clips score at least as much as each different score, highest first."""
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    return np.cumsum(truth[order])[last_of_ties].astype(float), np.cumsum(~truth[order])[last_of_ties].astype(float)
