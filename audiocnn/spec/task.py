"""What a model answers: `TaskSpec`."""

from dataclasses import dataclass
from typing import Literal

from audiocnn.errors import ConfigError
from audiocnn.spec.checks import check_choice

TaskKind = Literal["single_label", "multi_label"]


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What the outputs mean: `single_label` (softmax over labels) or `multi_label` (a sigmoid for each)."""

    kind: TaskKind
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, TaskKind)
        if not all(isinstance(label, str) and label for label in self.labels):
            raise ConfigError(f"labels must be words, got {list(self.labels)}")
        if len(self.labels) < (2 if self.kind == "single_label" else 1):
            raise ConfigError(f"a {self.kind} task needs more labels than {list(self.labels)}")
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"labels must differ from one another, got {list(self.labels)}")
