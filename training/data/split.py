"""Which clips train, validate and test; whole groups (artists, speakers, sources) stay on one side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from audiocnn.errors import ConfigError
from training.data.manifest import Clip

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint clips. `validation` and `test` may be empty."""

    train: list[Clip]
    validation: list[Clip]
    test: list[Clip]


def folds_of(clips: Sequence[Clip]) -> list[str]:
    """The names of the folds, sorted. Raises `ConfigError` if there are fewer than two."""
    folds = sorted({clip.fold for clip in clips if clip.fold})
    if len(folds) < 2:
        raise ConfigError(f"cross-validation needs at least 2 folds, the manifest has {folds}; set data.fold")
    return folds


def clips_of(clips: Sequence[Clip], fold: str) -> list[Clip]:
    """The clips of one fold. Raises `ConfigError` if there are none."""
    found = [clip for clip in clips if clip.fold and clip.fold == fold]
    if not found:
        raise ConfigError(f"the manifest has no fold {fold!r}; it has {', '.join(folds_of(clips))}")
    return found


def clips_in(clips: Sequence[Clip], split: str) -> list[Clip]:
    """The clips of one split. Raises `ConfigError` if there are none."""
    found = [clip for clip in clips if clip.split == split]
    if not found:
        raise ConfigError(f"the manifest has no clips in the split {split!r}; name its column with data.split")
    return found


def split_clips(clips: Sequence[Clip], *, test_fold: str | None, validation: float, seed: int) -> Split:
    """Divide `clips`.

    A manifest with splits (`train`, `validation`, `test`) decides by itself. Otherwise `test_fold` is the test set, or
    none, and about the share `validation` of the other clips is held out, stratified by label and by whole groups.
    Raises `ConfigError` for an unknown fold or split, and for a group on both sides.
    """
    if any(clip.split for clip in clips):
        unknown = {clip.split for clip in clips} - set(SPLITS)
        if unknown:
            raise ConfigError(f"splits must be train, validation or test, the manifest has {sorted(unknown)}")
        parts = {name: [c for c in clips if c.split == name] for name in SPLITS}
        split = Split(**parts)
    else:
        test = clips_of(clips, test_fold) if test_fold is not None else []
        rest = [c for c in clips if test_fold is None or c.fold != test_fold]
        train, held_out = _hold_out(rest, validation, seed)
        split = Split(train, held_out, test)
    if not split.train:
        raise ConfigError("no clips are left to train on; check the split and fold columns")
    _check_groups(split)
    return split


def _hold_out(clips: list[Clip], share: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    if share == 0:
        return clips, []
    parts = max(2, round(1 / share))
    labels = ["|".join(clip.labels) for clip in clips]
    groups = [clip.group or str(clip.path) for clip in clips]
    if len(set(groups)) < parts:
        raise ConfigError(
            f"{len(set(groups))} groups cannot give a validation share of {share:g}; "
            "set data.validation = 0 to train without one, or list finer groups"
        )
    if min(labels.count(label) for label in set(labels)) < parts:
        parts = 2 if min(labels.count(label) for label in set(labels)) > 1 else parts
    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    train, held_out = next(iter(folds.split(np.zeros(len(clips)), labels, groups)))
    return [clips[i] for i in train], [clips[i] for i in held_out]


def _check_groups(split: Split) -> None:
    sides = {"train": split.train, "validation": split.validation, "test": split.test}
    seen: dict[str, str] = {}
    for side, clips in sides.items():
        for clip in clips:
            if clip.group and seen.setdefault(clip.group, side) != side:
                raise ConfigError(
                    f"group {clip.group!r} is in {seen[clip.group]} and in {side}, so the score would be too good; "
                    "put each group on one side"
                )
