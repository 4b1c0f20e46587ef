"""Hand-made features and a straight line through them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.spec import TaskSpec
from training.baselines.baseline import Baseline
from training.baselines.recordings import Recordings, mfcc_statistics
from training.config import Config
from training.data.manifest import Clip, group_of
from training.data.targets import targets_of
from training.metrics import Scores

ALPHAS = np.logspace(-1, 5, 13)
_INNER_FOLDS = 5

Features = NDArray[np.float64]


class MfccRidge(Baseline):
    """MFCC statistics, standardised, into a ridge regression of each quantity, or of each label as 0, 1 or a share.

    Of a quantity on a log scale the logarithm is learned, so that answers are above 0. The penalty of each is the
    best of a cross-validation inside the training clips, whole groups on one side.
    """

    kinds = ("multi_label", "regression")

    def __init__(self, name: str, config: Config, recordings: Recordings) -> None:
        super().__init__(name, config, recordings)
        self._features = recordings.each(mfcc_statistics)

    def answers(self, train: Sequence[Clip], test: Sequence[Clip], task: TaskSpec) -> Scores:
        """Raises `ConfigError` if the training clips are all of one group."""
        x, unseen = (np.stack([self._features[clip.path] for clip in clips]) for clips in (train, test))
        groups = [group_of(clip) for clip in train]
        folds = min(_INNER_FOLDS, len(set(groups)))
        if folds < 2:
            raise ConfigError("mfcc-ridge needs training clips of at least 2 groups to choose its penalty, got 1")
        targets = targets_of(train, task)
        ratios = np.array([quantity.scale == "log" for quantity in task.quantities] or [False] * len(task.labels))
        targets[:, ratios] = np.log(targets[:, ratios])
        errors = np.zeros((len(ALPHAS), targets.shape[1]))
        from sklearn.model_selection import GroupKFold

        for learned, checked in GroupKFold(folds).split(x, groups=groups):
            found = lines(x[learned], targets[learned], x[checked])
            errors += np.square(found - targets[checked]).sum(axis=1)
        best = errors.argmin(axis=0)
        answers: Scores = lines(x, targets, unseen)[best, :, np.arange(len(best))].T
        answers[:, ratios] = np.exp(answers[:, ratios])
        low, high = np.zeros(len(best)), np.ones(len(best))
        if task.quantities:
            low = np.array([-np.inf if quantity.low is None else quantity.low for quantity in task.quantities])
            high = np.array([np.inf if quantity.high is None else quantity.high for quantity in task.quantities])
        return answers.clip(low, high)


def lines(x: Features, targets: Scores, unseen: Features) -> NDArray[np.float64]:
    """What ridge regressions with each of `ALPHAS` answer for `unseen`: `(alphas, clips, labels)`.

    One decomposition of the standardised features serves all penalties.
    """
    centre, scale, middle = x.mean(axis=0), x.std(axis=0), targets.mean(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    left, sizes, right = np.linalg.svd((x - centre) / scale, full_matrices=False)
    shrunk = sizes / (sizes**2 + ALPHAS[:, np.newaxis])
    coefficients = shrunk[:, :, np.newaxis] * (left.T @ (targets - middle))
    answers: NDArray[np.float64] = middle + ((unseen - centre) / scale @ right.T) @ coefficients
    return answers
