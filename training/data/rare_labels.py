"""Rare labels made to count as much as frequent ones: by weights in the loss, or by how often their clips are drawn."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from audiocnn.spec import TaskKind


def label_weights(targets: NDArray[np.float64], kind: TaskKind) -> NDArray[np.float64]:
    """How often each label counts where it is true, `(labels,)`, for `Head.loss`; targets: `(clips, labels)`.

    single_label, binary: so that all labels together count alike, and a clip once in the mean. multi_label: so that
    being true and not being true count alike for each label. A label that no clip has, or every clip, counts once.
    """
    clips, true = len(targets), targets.sum(0)
    if kind == "multi_label":
        mixed = (true > 0) & (true < clips)
        return np.where(mixed, (clips - true) / np.where(mixed, true, 1), 1.0)
    present = true > 0
    return np.where(present, clips / (present.sum() * np.where(present, true, 1)), 1.0)


def balanced_order(
    labels: NDArray[np.int64], count: int, random: Generator, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """`count` indices of `labels`, shuffled: each label as often as the others, give or take one.

    Within a label, each of its items is drawn as often as the others, give or take one. With `groups`, of each item, a
    group is drawn as often as the root of its number of items says: sixteen recordings of one artist count four times
    as much as the only one of another, neither as much as sixteen artists nor as little as one recording.
    """
    present = random.permutation(np.unique(labels))  # so that not always the same labels are drawn once more
    drawn = []
    for position, label in enumerate(present):
        share = count // len(present) + (position < count % len(present))
        items = random.permutation(np.flatnonzero(labels == label))
        sizes = np.ones(len(items))
        if groups is not None:
            _, own, counts = np.unique(groups[items], return_inverse=True, return_counts=True)
            sizes = counts[own].astype(np.float64)
        weights = 1 / np.sqrt(sizes)
        # Items lie side by side, each as wide as its weight; one is drawn at each of `share` equal steps.
        ends = np.cumsum(weights) * (share / weights.sum())
        steps = np.arange(share) + random.random()
        drawn.append(items[np.searchsorted(ends[:-1], steps, side="right")])
    order: NDArray[np.int64] = random.permutation(np.concatenate(drawn))
    return order
