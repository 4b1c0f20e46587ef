"""Metrics in which each clip may count any number of times, for many such weightings at once.

`weights` is `(resamples, clips)`; every function returns one number for each resample, NaN where it is not defined.
"""

import numpy as np
from numpy.typing import NDArray

from training.metrics import Scores


def mean(values: Scores, weights: Scores) -> Scores:
    """The mean of `values (clips,)`."""
    means: Scores = _divided(weights @ values, weights.sum(axis=1))
    return means


def f1(truth: NDArray[np.bool_], answer: NDArray[np.bool_], weights: Scores) -> Scores:
    """The F1 of a yes or no for each clip; 0 where neither truth nor answer is ever yes."""
    both, either = weights @ (truth & answer), weights @ truth.astype(float) + weights @ answer.astype(float)
    found: Scores = np.nan_to_num(_divided(2 * both, either))
    return found


def macro_f1(truth: NDArray[np.int64], answer: NDArray[np.int64], num_labels: int, weights: Scores) -> Scores:
    """The mean F1 over labels of the indices of true and answered ones."""
    found: Scores = np.mean([f1(truth == k, answer == k, weights) for k in range(num_labels)], axis=0)
    return found


def roc_auc(scores: Scores, truth: NDArray[np.bool_], weights: Scores) -> Scores:
    """The probability that a true clip scores above another; a tie counts half."""
    positive, negative = _by_score(scores, truth, weights)
    below = np.cumsum(negative, axis=1) - negative
    won = (positive * (below + negative / 2)).sum(axis=1)
    found: Scores = _divided(won, positive.sum(axis=1) * negative.sum(axis=1))
    return found


def average_precision(scores: Scores, truth: NDArray[np.bool_], weights: Scores) -> Scores:
    """The mean precision at the scores of the true clips."""
    positive, negative = (part[:, ::-1] for part in _by_score(scores, truth, weights))
    hits = np.cumsum(positive, axis=1)
    precision = np.nan_to_num(_divided(hits, hits + np.cumsum(negative, axis=1)))
    found: Scores = _divided((positive * precision).sum(axis=1), positive.sum(axis=1))
    return found


def r2(errors: Scores, targets: Scores, weights: Scores) -> Scores:
    """The share of the variance of `targets (clips,)` that is explained, given the errors of the answers."""
    found: Scores = 1 - _divided(mean(np.square(errors), weights), _variance(targets, weights))
    return found


def pearson(answers: Scores, targets: Scores, weights: Scores) -> Scores:
    """The correlation of `answers (clips,)` and `targets (clips,)`."""
    x, y = answers - answers.mean(), targets - targets.mean()
    covariance = mean(x * y, weights) - mean(x, weights) * mean(y, weights)
    found: Scores = _divided(covariance, np.sqrt(_variance(x, weights) * _variance(y, weights)))
    return found


def _variance(values: Scores, weights: Scores) -> Scores:
    """0 where all clips that count are alike, whatever rounding says."""
    centred = values - values.mean()
    variance = mean(np.square(centred), weights) - np.square(mean(centred, weights))
    found: Scores = np.where(variance > 1e-9 * np.square(centred).mean(), variance, 0)
    return found


def _by_score(scores: Scores, truth: NDArray[np.bool_], weights: Scores) -> tuple[Scores, Scores]:
    """The weight of true and of other clips at each different score, lowest first: `(resamples, scores)` each."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ranked, is_true = weights[:, order], truth[order]
    return np.add.reduceat(ranked * is_true, starts, axis=1), np.add.reduceat(ranked * ~is_true, starts, axis=1)


def _divided(above: Scores, below: Scores) -> Scores:
    shares: Scores = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
    return shares
