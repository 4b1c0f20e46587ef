"""The test answers of one task from one or several runs, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import MAIN, TaskSpec
from training.answers import Answered
from training.metrics import Scores, is_hard


@dataclass(frozen=True, slots=True)
class Pool:
    """What the models of one or several runs answered: a row for each clip of each run.

    task: of the first run; means and deviations of quantities may differ between runs.
    clips, groups: name of the clip and of its group; a clip that several seeds were tested on is in several rows.
    scores, targets: `(rows, labels)`.
    windows: how many windows of the row voted. window_scores: `(all windows, labels)`, row after row; window_start_s:
    where each of them starts in its clip, in seconds.
    runs: the task of each run and what its model answered to it, in the order of the rows.
    """

    task: TaskSpec
    clips: Sequence[str]
    groups: Sequence[str]
    scores: Scores
    targets: Scores
    windows: NDArray[np.int64]
    window_scores: Scores
    window_start_s: Scores
    runs: Sequence[tuple[TaskSpec, Answered]]

    @property
    def window_rows(self) -> NDArray[np.int64]:
        """The row that each window belongs to."""
        return np.repeat(np.arange(len(self.windows)), self.windows)

    def scores_of(self, wanted: NDArray[np.bool_]) -> Scores:
        """The answers `(rows, labels)` if only the windows `wanted`, a mask over all of them, had voted."""
        ends = np.cumsum([len(answered.logits) for _, answered in self.runs])
        parts = zip(self.runs, np.split(wanted, ends[:-1]), strict=True)
        found: list[Scores] = [a.take_windows(part).scores({MAIN: task})[MAIN] for (task, a), part in parts]
        return np.concatenate(found)

    @property
    def has_shares(self) -> bool:
        """Whether targets of classes are shares between 0 and 1, not just no and yes."""
        return self.task.kind == "multi_label" and not is_hard(self.targets)

    @property
    def num_clips(self) -> int:
        return len(set(self.clips))
