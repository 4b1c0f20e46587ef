"""Quality of a saved model on labelled files, through the same `Classifier` that serves HTTP and the batch CLI."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from audiocnn.errors import ConfigError
from audiocnn.inference.classifier import Classifier
from audiocnn.nn.heads import Heads
from audiocnn.source import Source
from audiocnn.spec import MAIN, ModelSpec, TaskSpec
from training.answers import Answered
from training.data.manifest import Clip
from training.data.targets import all_targets
from training.metrics import Scores
from training.progress import track


def answer(
    model: str | Path, clips: Sequence[Clip], data: Path, read: Callable[[Path], Source] = lambda path: path
) -> tuple[Answered, ModelSpec]:
    """What a model says of whole files, and its specification.

    data: the folder that the names of clips are relative to. read: gives the encoded audio of a file, the file itself
    by default. Side tasks that the clips were read without have no targets.
    Raises `ConfigError` for no clips or clips labelled for another task, and what `Classifier` raises.
    """
    if not clips:
        raise ConfigError("evaluation needs at least 1 clip, got none; check the manifest and its fold column")
    classifier = Classifier.load(model)
    tasks = classifier.spec.tasks
    known = {name: task for name, task in tasks.items() if name == MAIN or name in clips[0].side}
    targets = Heads(known).split(all_targets(clips, known))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        votes = pool.map(lambda clip: classifier.logits(read(clip.path)), clips)
        logits, segments = zip(*track(votes, "evaluating", total=len(clips)), strict=True)
    answered = Answered(
        clips=[clip.path.relative_to(data).as_posix() for clip in clips],
        groups=[clip.group for clip in clips],
        windows=np.array([len(rows) for rows in logits]),
        logits=np.concatenate(logits).astype(np.float32),
        starts_s=np.array([0.0 if segment is None else segment.start_s for row in segments for segment in row]),
        targets=targets,
    )
    return answered, classifier.spec


def predict(
    model: str | Path, clips: Sequence[Clip], read: Callable[[Path], Source] = lambda path: path
) -> tuple[Scores, Scores, TaskSpec]:
    """Answers and targets `(clips, labels)` of a model's main task for whole files, and that task; see `answer`."""
    answered, spec = answer(model, clips, Path("/"), read)
    return answered.scores(spec.tasks)[MAIN], answered.targets[MAIN], spec.task
