"""Quality of a saved model on labelled files, through the same `Classifier` that serves HTTP and the batch CLI."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from audiocnn.errors import ConfigError
from audiocnn.inference.classifier import Classifier
from audiocnn.source import Source
from audiocnn.spec import TaskSpec
from training.data.manifest import Clip
from training.metrics import Scores
from training.progress import track


def predict(
    model: str | Path, clips: Sequence[Clip], read: Callable[[Path], Source] = lambda path: path
) -> tuple[Scores, Scores, TaskSpec]:
    """Scores and targets `(clips, labels)` of a model for whole files; a file that is all silence scores 0.

    read: gives the encoded audio of a file, the file itself by default.
    Raises `ConfigError` for no clips or a clip with a label the model does not know, and what `Classifier` raises.
    """
    if not clips:
        raise ConfigError("evaluation needs at least 1 clip, got none; check the manifest and its fold column")
    classifier = Classifier.load(model)
    task = classifier.spec.task
    unknown = sorted({label for clip in clips for label in clip.labels} - set(task.labels))
    if unknown:
        raise ConfigError(f"the clips have labels {', '.join(unknown)}, the model knows {', '.join(task.labels)}")

    def scores(clip: Clip) -> list[float]:
        found = {p.label: p.score for p in classifier.classify(read(clip.path)).predictions}
        return [found.get(label, 0.0) for label in task.labels]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(track(pool.map(scores, clips), "evaluating", total=len(clips)))
    targets = [[float(label in clip.labels) for label in task.labels] for clip in clips]
    return np.array(rows), np.array(targets), task
