"""Quality of a saved model on labelled files, through the same `Classifier` that serves HTTP and the batch CLI."""

import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError, MediaError
from audiocnn.inference.classifier import Classifier
from audiocnn.nn.heads import Heads
from audiocnn.source import Source
from audiocnn.spec import MAIN, ModelSpec, TaskSpec
from audiocnn.waveform import Segment
from training.answers import Answered
from training.data.manifest import Clip, name_of
from training.data.targets import all_targets
from training.data.unreadable import leave_out
from training.metrics import Scores
from training.progress import track

Votes = tuple[NDArray[np.float64], list[Segment | None]]
"""Logits of the windows of a clip, and where in it they are, as `Classifier.logits` gives them."""


def answer(
    model: str | Path,
    clips: Sequence[Clip],
    data: Path,
    read: Callable[[Path], Source] = lambda path: path,
    *,
    max_unreadable: float = 0.0,
) -> tuple[Answered, ModelSpec]:
    """What a model says of whole files, and its specification.

    data: the folder that the names of clips are relative to. read: gives the encoded audio of a file, the file itself
    by default. Side tasks that the clips were read without have no targets. Clips that cannot be decoded are left out.
    Raises `ConfigError` for no clips, more than the share `max_unreadable` that cannot be decoded, and clips labelled
    for another task, and what `Classifier.load` raises.
    """
    classifier = Classifier.load(model)
    _check_some(clips)
    tasks = classifier.spec.tasks
    known = {name: task for name, task in tasks.items() if name == MAIN or name in clips[0].side}
    targets = all_targets(clips, known)  # first: mistakes in them are told before an hour of decoding

    def logits_of(clip: Clip) -> Votes | str:
        try:
            return classifier.logits(read(clip.path))
        except MediaError as error:
            return str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(track(pool.map(logits_of, clips), "evaluating", total=len(clips)))
    unreadable = {clip.path: said for clip, said in zip(clips, found, strict=True) if isinstance(said, str)}
    leave_out(unreadable, len(clips), max_unreadable)
    readable = np.array([clip.path not in unreadable for clip in clips])
    clips = list(itertools.compress(clips, readable))
    _check_some(clips)
    logits, segments = zip(*(votes for votes in found if not isinstance(votes, str)), strict=True)
    answered = Answered(
        clips=[name_of(clip.path, data) for clip in clips],
        groups=[clip.group for clip in clips],
        windows=np.array([len(rows) for rows in logits]),
        logits=np.concatenate(logits).astype(np.float32),
        starts_s=np.array([0.0 if segment is None else segment.start_s for row in segments for segment in row]),
        targets=Heads(known).split(targets[readable]),
    )
    return answered, classifier.spec


def _check_some(clips: Sequence[Clip]) -> None:
    if not clips:
        raise ConfigError("evaluation needs at least 1 clip, got none; check the manifest and its fold column")


def predict(
    model: str | Path,
    clips: Sequence[Clip],
    read: Callable[[Path], Source] = lambda path: path,
    *,
    max_unreadable: float = 0.0,
) -> tuple[Scores, Scores, TaskSpec]:
    """Answers and targets `(clips, labels)` of a model's main task for whole files, and that task; see `answer`."""
    answered, spec = answer(model, clips, Path("/"), read, max_unreadable=max_unreadable)
    return answered.scores(spec.tasks)[MAIN], answered.targets[MAIN], spec.task
