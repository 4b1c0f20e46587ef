"""What all baselines are: `Baseline`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from audiocnn.errors import ConfigError
from audiocnn.spec import TaskKind, TaskSpec
from training.baselines.recordings import Recordings
from training.config import Config
from training.data.manifest import Clip
from training.metrics import Scores


class Baseline(ABC):
    """A method that learns from labelled clips and answers for others. `kinds` are the tasks it can do."""

    kinds: tuple[TaskKind, ...] = ("single_label", "multi_label", "binary", "regression")

    def __init__(self, name: str, config: Config, recordings: Recordings) -> None:
        """Raises `ConfigError` for a task that the method cannot do."""
        if config.data.kind not in self.kinds:
            raise ConfigError(f"{name} needs data.kind = {' or '.join(self.kinds)}, got {config.data.kind!r}")
        self.config = config
        self.recordings = recordings

    @abstractmethod
    def answers(self, train: Sequence[Clip], test: Sequence[Clip], task: TaskSpec) -> Scores:
        """One number for each label, `(len(test), labels)`, after learning from `train` alone."""
