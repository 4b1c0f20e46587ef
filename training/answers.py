"""What a model said of labelled clips, kept as logits of windows, so that answers can be calibrated afterwards."""

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import Heads
from audiocnn.spec import MAIN, TaskSpec
from training.metrics import Scores

ANSWERS = "answers.npz"
"""In the folder of a run: what its model said of test clips."""

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that is missing, damaged anywhere or no `.npz`."""

Tasks = Mapping[str, TaskSpec]
"""As `ModelSpec.tasks`."""


def scores_of_clips(logits: Scores, windows: NDArray[np.int64], tasks: Tasks) -> Scores:
    """The answers of all tasks side by side, `(clips, labels of all tasks)`, as `Classifier` gives them.

    logits: `(windows of all clips, outputs of all tasks)`, clip after clip. windows: how many of each clip vote.
    A silent clip, of which none does, scores 0 for every label; in a regression it gets the mean of the training data.
    """
    heads = Heads(tasks)
    scores = heads.of_clips(logits, windows)
    for name, columns in heads.split(scores).items():
        columns[windows == 0] = [quantity.middle for quantity in tasks[name].quantities] or 0.0
    return scores


@dataclass(frozen=True, slots=True)
class Answered:
    """Logits and targets of clips.

    clips: their names. groups: of each clip, as in `Clip`. windows: how many of each clip vote, 0 for a silent one.
    logits: `(windows of all clips, outputs of all tasks)`, clip after clip. starts_s: where in its clip each of these
    windows begins. targets: `(clips, labels)` of each task.
    """

    clips: Sequence[str]
    groups: Sequence[str]
    windows: NDArray[np.int64]
    logits: NDArray[np.float32]
    starts_s: Scores
    targets: Mapping[str, Scores]

    def scores(self, tasks: Tasks) -> dict[str, Scores]:
        """The answers `(clips, labels)` of each task, as in `scores_of_clips`."""
        return Heads(tasks).split(scores_of_clips(self.logits.astype(np.float64), self.windows, tasks))

    def take(self, wanted: NDArray[np.bool_]) -> "Answered":
        """Those of the clips `wanted`, a mask over them."""
        return Answered(
            [name for name, is_wanted in zip(self.clips, wanted, strict=True) if is_wanted],
            [group for group, is_wanted in zip(self.groups, wanted, strict=True) if is_wanted],
            self.windows[wanted],
            self.logits[np.repeat(wanted, self.windows)],
            self.starts_s[np.repeat(wanted, self.windows)],
            {name: targets[wanted] for name, targets in self.targets.items()},
        )

    def take_windows(self, wanted: NDArray[np.bool_]) -> "Answered":
        """All clips with those of their windows that are `wanted`, a mask over the windows of all."""
        owners = np.repeat(np.arange(len(self.windows)), self.windows)
        windows = np.bincount(owners[wanted], minlength=len(self.windows))
        return replace(self, windows=windows, logits=self.logits[wanted], starts_s=self.starts_s[wanted])

    def only(self, name: str, tasks: Tasks) -> "Answered":
        """Those to the task `name` of `tasks`, as if it were the main one."""
        logits, targets = self.logits[:, Heads(tasks).outputs[name]], self.targets[name]
        return replace(self, logits=logits, targets={MAIN: targets})

    def save(self, path: Path) -> None:
        """Write it as `.npz`, atomically."""
        buffer = io.BytesIO()
        targets = {f"targets.{name}": values for name, values in self.targets.items()}
        np.savez_compressed(
            buffer,
            clips=np.array(self.clips),
            groups=np.array(self.groups),
            windows=self.windows,
            logits=self.logits,
            starts_s=self.starts_s,
            allow_pickle=False,
            **targets,
        )
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Answered":
        """What `save` wrote. Raises `ConfigError` if it is missing, damaged or something else."""
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                targets = {name.removeprefix("targets."): file[name] for name in file if name.startswith("targets.")}
                names = file["clips"].tolist(), file["groups"].tolist()
                return cls(*names, file["windows"], file["logits"], file["starts_s"], targets)
        except _UNREADABLE as error:
            raise ConfigError(
                f"{path} holds no answers of a cross-validation or of `evaluate --run`: {error or 'it is cut off'}; "
                "run that again"
            ) from error


def joined(parts: Sequence[Answered]) -> Answered:
    """The clips of all parts, one part after another."""
    return Answered(
        [name for part in parts for name in part.clips],
        [group for part in parts for group in part.groups],
        np.concatenate([part.windows for part in parts]),
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.starts_s for part in parts]),
        {name: np.concatenate([part.targets[name] for part in parts]) for name in parts[0].targets},
    )
