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


def balanced_order(labels: NDArray[np.int64], count: int, random: Generator) -> NDArray[np.int64]:
    """`count` indices of `labels`, shuffled: each label as often as the others, give or take one.

    Within a label, each of its items is drawn as often as the others, give or take one.
    """
    present = random.permutation(np.unique(labels))  # so that not always the same labels are drawn once more
    drawn = []
    for position, label in enumerate(present):
        share = count // len(present) + (position < count % len(present))
        items = np.flatnonzero(labels == label)
        drawn.append(np.concatenate([random.permutation(items) for _ in range(-(-share // len(items)))])[:share])
    order: NDArray[np.int64] = random.permutation(np.concatenate(drawn))
    return order
