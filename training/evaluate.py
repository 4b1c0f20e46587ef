"""Quality of a saved model on labelled files, through the same `Classifier` that serves HTTP and the batch CLI."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from audiocnn.errors import ConfigError
from audiocnn.inference.classifier import Classifier
from audiocnn.prediction import Estimate
from audiocnn.source import Source
from audiocnn.spec import TaskSpec
from training.data.manifest import Clip
from training.data.targets import targets_of
from training.metrics import Scores
from training.progress import track


def predict(
    model: str | Path, clips: Sequence[Clip], read: Callable[[Path], Source] = lambda path: path
) -> tuple[Scores, Scores, TaskSpec]:
    """Answers and targets `(clips, labels)` of a model for whole files.

    A file that is all silence scores 0 for every label; in a regression it gets the mean of the training data.

    read: gives the encoded audio of a file, the file itself by default.
    Raises `ConfigError` for no clips or clips labelled for another task, and what `Classifier` raises.
    """
    if not clips:
        raise ConfigError("evaluation needs at least 1 clip, got none; check the manifest and its fold column")
    classifier = Classifier.load(model)
    task = classifier.spec.task
    targets = targets_of(clips, task)
    silence = [quantity.mean for quantity in task.quantities] or [0.0] * len(task.labels)

    def answers(clip: Clip) -> list[float]:
        found = {
            answer.label: answer.value if isinstance(answer, Estimate) else answer.score
            for answer in classifier.classify(read(clip.path)).predictions
        }
        return [found.get(label, missing) for label, missing in zip(task.labels, silence, strict=True)]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(track(pool.map(answers, clips), "evaluating", total=len(clips)))
    return np.array(rows), targets, task
