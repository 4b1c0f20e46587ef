"""What every format shares: which part of a result to write, and what a writer is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from audiocnn.batch.result import FileResult
from audiocnn.spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Selection:
    """What to write of a result: the best `top_k` predictions with at least `threshold` score, and whether to add the
    answer for each window.

    columns: of a table, in their order: a task's name, the rank of an answer, and the field of it.
    """

    top_k: int
    threshold: float = 0.0
    segments: bool = False
    columns: tuple[tuple[str, int, str], ...] = ()

    @classmethod
    def of(cls, tasks: Mapping[str, TaskSpec], top_k: int, threshold: float, segments: bool) -> "Selection":
        """What a model for `tasks` has to say: at most a prediction for each label, of a regression every estimate."""
        columns = []
        for name, task in tasks.items():
            estimates = task.kind == "regression"
            count = len(task.labels) if estimates else min(top_k, len(task.labels))
            fields = ("label", "value", "unit") if estimates else ("label", "score")
            columns += [(name, rank, field) for rank in range(count) for field in fields]
        return cls(top_k, threshold, segments, tuple(columns))

    def row(self, file: FileResult) -> dict[str, Any]:
        return file.to_json(top_k=self.top_k, threshold=self.threshold, segments=self.segments)


class Writer(Protocol):
    """Writes one file's result after another."""

    def write(self, file: FileResult) -> None: ...
