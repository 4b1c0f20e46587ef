"""How far a metric could be off had other groups (artists, speakers) been tested: a bootstrap over whole groups."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from training.metrics import Scores

RESAMPLES = 1000
_AT_ONCE = 4_000_000
"""Weights in memory at a time."""

Metric = Callable[[Scores], Scores]
"""From weights `(resamples, clips)` to values `(resamples,)`."""


def interval(metric: Metric, groups: Sequence[str], seed: int = 0) -> tuple[float, float] | None:
    """The middle 95 % of `metric` when groups are drawn with replacement; None for fewer than two groups.

    groups: the group of each clip; clips of one stay together, for they are alike.
    """
    names, members = np.unique(np.array(groups), return_inverse=True)
    if len(names) < 2:
        return None
    random = np.random.default_rng(seed)
    chunk = max(1, min(RESAMPLES, _AT_ONCE // len(groups)))
    parts = [
        metric(_draws(len(names), min(chunk, RESAMPLES - start), random)[:, members])
        for start in range(0, RESAMPLES, chunk)
    ]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _draws(groups: int, resamples: int, random: Generator) -> Scores:
    """How often each group is drawn, `(resamples, groups)`."""
    return random.multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(np.float64)
