"""How much it helps to hear several windows of a clip."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator

from training.report.headline import metrics_of
from training.report.pool import Pool

_DRAWS = 10


def window_metrics(pool: Pool, merge: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The metrics when each window answers alone, by name; empty where no clip has two windows."""
    if pool.windows.max(initial=0) < 2:
        return {}
    metrics = metrics_of(pool.window_scores, pool.targets[pool.window_rows], pool.task, merge)
    once = np.ones((1, len(pool.window_scores)))
    return {name: float(metric(once)[0]) for name, metric in metrics.items()}


def over_windows(pool: Pool, name: str, seed: int = 0) -> dict[int, float]:
    """The metric `name` when so many windows of each clip, drawn at random, vote: 1, 2, 4, ... and all.

    Their votes become one answer as those of all windows do: a mean, or of a quantity with bins the peak of one.
    Clips with fewer windows count with all they have; silent ones, which have none, are left out.
    """
    most = int(pool.windows.max(initial=0))
    random = np.random.default_rng(seed)
    counts = [2**power for power in range(most.bit_length()) if 2**power < most]
    curve = {count: float(np.mean([_metric(pool, name, count, random) for _ in range(_DRAWS)])) for count in counts}
    return curve | {most: _metric(pool, name, most, random)} if most else {}


def _metric(pool: Pool, name: str, count: int, random: Generator) -> float:
    rows = pool.window_rows
    order = np.lexsort((random.random(len(rows)), rows))  # the windows of each clip in random order
    place = np.arange(len(rows)) - np.repeat(np.cumsum(pool.windows) - pool.windows, pool.windows)
    chosen = np.zeros(len(rows), np.bool_)
    chosen[order[place < count]] = True
    heard = pool.windows > 0
    scores = pool.scores_of(chosen)[heard]
    metric = metrics_of(scores, pool.targets[heard], pool.task, {})[name]
    return float(metric(np.ones((1, len(scores))))[0])
