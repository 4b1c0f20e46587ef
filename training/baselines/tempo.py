"""The tempo of librosa: the strongest period of its onset strength, under a prior around 120 BPM (Ellis 2007)."""

from collections.abc import Sequence

import librosa
import numpy as np

from audiocnn.errors import ConfigError
from audiocnn.spec import TaskSpec
from audiocnn.waveform import Samples
from training.baselines.baseline import Baseline
from training.baselines.recordings import SAMPLE_RATE, Recordings
from training.config import Config
from training.data.manifest import Clip
from training.metrics import Scores


class LibrosaTempo(Baseline):
    """`librosa.feature.tempo`, for one quantity named `bpm` or `tempo`. It learns nothing from the training clips."""

    kinds = ("regression",)

    def __init__(self, name: str, config: Config, recordings: Recordings) -> None:
        """Raises `ConfigError` also for other quantities."""
        super().__init__(name, config, recordings)
        if list(config.data.quantities) not in (["bpm"], ["tempo"]):
            raise ConfigError(f"{name} needs one quantity named bpm or tempo, got {', '.join(config.data.quantities)}")
        self._tempo = recordings.each(tempo)

    def answers(self, train: Sequence[Clip], test: Sequence[Clip], task: TaskSpec) -> Scores:
        return np.array([[self._tempo[clip.path]] for clip in test])


def tempo(samples: Samples) -> float:
    """BPM of a mono recording `(n,)` at `SAMPLE_RATE`; without any onset what the prior says, near 120."""
    return float(librosa.feature.tempo(y=samples, sr=SAMPLE_RATE)[0])
