"""What the folder of a run, or of a cross-validation, holds for a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import head_of
from audiocnn.spec import MAIN, ModelSpec
from training.answers import ANSWERS, Answered
from training.crossval import RESULTS, read_runs
from training.data.journal import Journal
from training.history import METRICS
from training.loop import MODEL, trained_clips, validation_clips
from training.provenance import read_starts
from training.report.pool import Pool


@dataclass(frozen=True, slots=True)
class Run:
    """One training. history: a row for each epoch. starts: when and where it was started. answered: on test clips, None
    if it was never evaluated. trained, validated: the names of the clips it was trained and validated on, as far as its
    state tells."""

    folder: Path
    spec: ModelSpec
    history: Sequence[Mapping[str, Any]]
    starts: Sequence[Mapping[str, Any]]
    answered: Answered | None
    trained: frozenset[str]
    validated: frozenset[str]

    @property
    def recipe(self) -> Mapping[str, Any]:
        recipe: Mapping[str, Any] = self.spec.training["recipe"]
        return recipe

    @property
    def tested(self) -> frozenset[str]:
        """The names of the clips it was tested on."""
        return frozenset(self.answered.clips if self.answered else ())

    @property
    def chose_epoch(self) -> frozenset[str]:
        """The names of the clips by which it was chosen which epoch's weights the model has."""
        return self.validated if self.recipe["train"]["keep"] == "best" else frozenset()

    @property
    def seed(self) -> int:
        return int(self.recipe["seed"])

    @property
    def fold(self) -> str | None:
        fold: str | None = self.spec.training["test_fold"]
        return fold


def load_runs(folder: Path) -> list[Run]:
    """The run in `folder`, or all that its cross-validation has tested.

    Raises `ConfigError` for a folder that holds neither, and for a damaged `crossval.json`.
    """
    if (folder / MODEL).is_dir():
        return [_load(folder)]
    if (folder / RESULTS).is_file():
        return [_load(folder / f"seed-{seed}-fold-{fold}") for seed, fold in read_runs(folder / RESULTS)]
    tested = sorted(path.parent for path in folder.glob(f"seed-*-fold-*/{ANSWERS}"))
    if not tested:
        raise ConfigError(
            f"{folder} holds no run: expected {MODEL}/ of `python -m training train`, or {RESULTS} of `crossval`"
        )
    return [_load(path) for path in tested]


def tested_clips(runs: Sequence[Run]) -> frozenset[str]:
    """The names of the clips that any of the runs was tested on."""
    return frozenset().union(*(run.tested for run in runs))


def pool_of(runs: Sequence[Run], name: str) -> Pool | None:
    """The answers of all runs for the task `name`, as in `ModelSpec.tasks`; None if the clips had none to compare with.

    Raises `ConfigError` if runs answer different labels.
    """
    answered = [(run, run.answered) for run in runs if run.answered and name in run.answered.targets]
    if not answered:
        return None
    task = answered[0][0].spec.tasks[name]
    other = next((run for run, _ in answered if run.spec.tasks[name].labels != task.labels), None)
    if other:
        raise ConfigError(f"{other.folder} answers {', '.join(other.spec.tasks[name].labels)}, others {task.summary}")
    own = [(run.spec.tasks[name], a.only(name, run.spec.tasks)) for run, a in answered]
    return Pool(
        task=task,
        clips=[clip for _, a in own for clip in a.clips],
        groups=[group or clip for _, a in own for group, clip in zip(a.groups, a.clips, strict=True)],
        scores=np.concatenate([a.scores({MAIN: task})[MAIN] for task, a in own]),
        targets=np.concatenate([a.targets[MAIN] for _, a in own]),
        windows=np.concatenate([a.windows for _, a in own]),
        window_scores=np.concatenate([head_of(task).answers(a.logits.astype(np.float64)) for task, a in own]),
        window_start_s=np.concatenate([a.starts_s for _, a in own]),
        runs=own,
    )


def _load(folder: Path) -> Run:
    answers = folder / ANSWERS
    return Run(
        folder=folder,
        spec=read_spec(folder / MODEL),
        history=list(Journal(folder / METRICS).entries()),  # a crash may have left half a line
        starts=read_starts(folder),
        answered=Answered.load(answers) if answers.is_file() else None,
        trained=trained_clips(folder),
        validated=validation_clips(folder),
    )
