"""Nothing learned from the sound: every clip gets the mean of the training clips."""

from collections.abc import Sequence

import numpy as np

from audiocnn.spec import TaskSpec
from training.baselines.baseline import Baseline
from training.data.manifest import Clip
from training.data.targets import targets_of
from training.metrics import Scores


class Mean(Baseline):
    """How frequent each label is among the training clips, or their mean share or quantity."""

    def answers(self, train: Sequence[Clip], test: Sequence[Clip], task: TaskSpec) -> Scores:
        return np.tile(targets_of(train, task).mean(axis=0), (len(test), 1))
