"""Every baseline by its name, measured on the folds or the split of a recipe."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiocnn.errors import ConfigError
from training.baselines.baseline import Baseline
from training.baselines.mean import Mean
from training.baselines.mel_cnn import MelCnn
from training.baselines.mfcc_ridge import MfccRidge
from training.baselines.mfcc_svm import MfccSvm
from training.baselines.recordings import Recordings
from training.baselines.tempo import LibrosaTempo
from training.config import Config
from training.data.cache import Cache
from training.data.manifest import Clip, read_clips
from training.data.split import Split, folds_of, split_clips, usable
from training.data.targets import targets_of, task_of
from training.metrics import measure, over_folds

_BASELINES: dict[str, Callable[[str, Config, Recordings], Baseline]] = {
    "librosa-tempo": LibrosaTempo,
    "mean": Mean,
    "mel-cnn": MelCnn,
    "mfcc-ridge": MfccRidge,
}
SVM = "mfcc-svm"
KINDS = (SVM, *_BASELINES)


def measure_baseline(config: Config, data: Path, cache_directory: Path, kind: str, c: float = 1.0) -> dict[str, Any]:
    """What `kind`, one of `KINDS`, reaches on the main task: a document as `cross_validate` writes it.

    Each fold is tested after learning from the others; a manifest with a split instead is tested on its `test` clips.
    Baselines have no use for validation clips and learn from them too. Clips with neither folds nor a split are tested
    on what a training holds out for validation.
    c: regularisation of the SVM.
    Raises `ConfigError` for anything but sound, a task that the baseline cannot do, data with nothing to test on, and
    what `split_clips` and `usable` refuse.
    """
    if config.input.media != "audio":
        raise ConfigError(f"the baselines need input.media = 'audio', got {config.input.media!r}")
    clips = read_clips(data, config.data)
    recordings = Recordings(clips, cache_directory, config.data.max_unreadable)
    baseline = MfccSvm(kind, config, recordings, c) if kind == SVM else _BASELINES[kind](kind, config, recordings)
    folds = []
    for fold, train, test in _parts(config, clips, recordings.cache):
        task = task_of(config.data, clips, train)
        answers = baseline.answers(train, test, task)
        folds.append(
            {"seed": config.seed, "fold": fold, **measure(answers, targets_of(test, task), task, config.merge)}
        )
    summary: dict[str, Any] = over_folds(folds)
    if "confusion" in folds[0]:
        summary["confusion"] = np.sum([fold["confusion"] for fold in folds], axis=0).tolist()
    return {"name": kind, "labels": list(task.labels), "summary": summary, "folds": folds}


def _parts(config: Config, clips: Sequence[Clip], cache: Cache) -> Iterator[tuple[str, list[Clip], list[Clip]]]:
    """Each fold or split to test on: its name, the clips to learn from, and its own."""
    leaks = config.data.allow_leaks

    def divided(fold: str | None, validation: float) -> Split:
        split = split_clips(clips, test_fold=fold, validation=validation, seed=config.seed, allow_leaks=leaks)
        return usable(split, cache, allow_leaks=leaks)

    if any(clip.split for clip in clips):
        split = divided(None, 0.0)
        if not split.test:
            raise ConfigError("the manifest's split has no clips to test on; a baseline needs some marked 'test'")
        yield "test", split.train + split.validation, split.test
    elif any(clip.fold for clip in clips):
        for fold in folds_of(clips):
            split = divided(fold, 0.0)
            yield fold, split.train, split.test
    else:
        split = divided(None, config.data.validation)
        if not split.validation:
            raise ConfigError(
                "a baseline needs clips to test on: name their column with data.split or data.fold, have folds made "
                "with data.folds = 5, or set data.validation above 0 to test on the share that a training holds out"
            )
        yield "validation", split.train, split.validation
