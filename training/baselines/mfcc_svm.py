"""Hand-made features and a support vector machine."""

from collections.abc import Sequence

import numpy as np

from audiocnn.spec import TaskSpec
from training.baselines.baseline import Baseline
from training.baselines.recordings import Recordings, mfcc_statistics
from training.config import Config
from training.data.manifest import Clip
from training.data.targets import targets_of
from training.metrics import Scores


class MfccSvm(Baseline):
    """MFCC statistics, standardised, into an SVM with a radial kernel. Scores are its votes: 1 for one label.

    c: regularisation.
    """

    kinds = ("single_label", "binary")

    def __init__(self, name: str, config: Config, recordings: Recordings, c: float) -> None:
        super().__init__(name, config, recordings)
        self._features = recordings.each(mfcc_statistics)
        self._c = c

    def answers(self, train: Sequence[Clip], test: Sequence[Clip], task: TaskSpec) -> Scores:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        x, unseen = (np.stack([self._features[clip.path] for clip in clips]) for clips in (train, test))
        machine = make_pipeline(StandardScaler(), SVC(C=self._c)).fit(x, targets_of(train, task).argmax(1))
        scores: Scores = np.eye(len(task.labels))[machine.predict(unseen)]
        return scores
