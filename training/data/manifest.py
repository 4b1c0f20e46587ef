"""Which clips there are: read from a folder per class, or from a CSV or JSONL manifest."""

import difflib
import itertools
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from audiocnn.batch.discover import EXTENSIONS, UNREAD
from audiocnn.errors import ConfigError
from audiocnn.spec import Media
from training.config import DataConfig, QuantityConfig, SideTaskConfig
from training.data.balance import balanced_parts
from training.data.cells import fold_in_cell, labels_in_cell, name_in_cell, number_in_cell, path_in_cell
from training.data.rows import Row, read_rows

logger = logging.getLogger(__name__)

_SHOWN = 3

SideTasks = Mapping[str, SideTaskConfig]


@dataclass(frozen=True, slots=True)
class Truth:
    """The right answer of one task for a clip: its labels, or `values` for the columns of quantities or shares."""

    labels: tuple[str, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording. `split`, `fold` and `group` are empty where the manifest has none.

    labels, values: the right answer of the main task, as in `Truth`. side: those of side tasks, by name.
    """

    path: Path
    labels: tuple[str, ...]
    split: str = ""
    fold: str = ""
    group: str = ""
    values: Mapping[str, float] = field(default_factory=dict, hash=False)
    side: Mapping[str, Truth] = field(default_factory=dict, hash=False)


def read_clips(
    root: Path, config: DataConfig, media: Media = "audio", side_tasks: SideTasks = MappingProxyType({})
) -> list[Clip]:
    """The clips of the data folder `root`, sorted by path.

    media: which files to look for in a folder for each class. side_tasks: what else to read from the manifest.
    Raises `ConfigError` for a missing folder, manifest or column, an empty data set, files that do not exist, a clip
    listed twice, a fold that cannot be the name of a folder, labels that a task does not list, a single-label or binary
    task with too few or too many labels, quantities and shares that are no number or out of their range, and fewer
    groups than `data.folds`.
    """
    clips = list_clips(root, config, media, side_tasks)
    if missing := missing_files(clips):
        raise ConfigError(
            f"{len(missing)} of {len(clips)} files in the manifest do not exist, the first is {missing[0]}; "
            "mend the paths or take the rows out"
        )
    if twice := listed_twice(clips):
        raise ConfigError(f"{len(twice)} clips are listed twice, the first is {twice[0]}; keep one row for each")
    check_labels(clips, config, side_tasks)
    return in_folds(clips, config.folds) if config.folds else clips


def list_clips(
    root: Path, config: DataConfig, media: Media = "audio", side_tasks: SideTasks = MappingProxyType({})
) -> list[Clip]:
    """What `read_clips` reads, before it looks at the files and at all labels together, and without made folds.

    Raises `ConfigError` for a missing folder or column, a manifest that cannot be read, an empty data set, a fold that
    cannot be the name of a folder, and quantities and shares that are no number or out of their range.
    """
    if not root.is_dir():
        raise ConfigError(f"the data folder {root} does not exist; name it with --data")
    found = _from_manifest(root, config, side_tasks) if config.manifest else _from_folders(root, media)
    clips = sorted(found, key=lambda clip: clip.path)
    if not clips:
        if config.manifest:
            raise ConfigError(f"the manifest {root / config.manifest} lists no clips; it needs a row for each")
        raise ConfigError(f"found no clips in {root}; expected {media} files in one sub-folder for each class")
    return clips


def group_of(clip: Clip) -> str:
    """What stays together with the clip: its group, or itself alone if it has none."""
    return clip.group or str(clip.path)


def answers_of(clip: Clip) -> list[Any]:
    """The right answers of all tasks as plain JSON types, the same in whatever order they are written."""
    side = [[name, *_answer(truth)] for name, truth in sorted(clip.side.items())]
    return [*_answer(clip), side]


def _answer(truth: Clip | Truth) -> list[Any]:
    return [sorted(set(truth.labels)), sorted(truth.values.items())]


def label_names(truths: Iterable[Clip | Truth]) -> tuple[str, ...]:
    """All labels, in alphabetical order."""
    return tuple(sorted({label for truth in truths for label in truth.labels}))


def name_of(path: Path, root: Path) -> str:
    """How the file `path` is called in results: from the data folder `root` on, or in full if it is not below it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _from_folders(root: Path, media: Media) -> Iterable[Clip]:
    unread = Counter[str]()
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        found = []
        for path in folder.rglob("*"):
            if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
                continue
            if path.name.lower().endswith(EXTENSIONS[media]):
                found.append(Clip(path, (folder.name,)))
            elif path.suffix.lower() in UNREAD[media]:
                unread[path.suffix.lower()] += 1
        if not found:
            logger.warning("%s holds no %s files: %r is not among the labels", folder, media, folder.name)
        yield from found
    if unread:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in sorted(unread.items()))
        logger.warning("files of kinds that are not read are left out: %s; convert them, to FLAC for sound", kinds)


def _from_manifest(root: Path, config: DataConfig, side_tasks: SideTasks) -> Iterable[Clip]:
    path = root / config.manifest
    for number, row in enumerate(read_rows(path), start=1):
        truth = _truth(row, config, path, number)
        yield Clip(
            path=_below(root, path_in_cell(row, config.path, path, number)),
            labels=truth.labels,
            split=name_in_cell(row, config.split, path, number),
            fold=fold_in_cell(row, config.fold, path, number),
            group=name_in_cell(row, config.group, path, number),
            values=truth.values,
            side={name: _truth(row, task, path, number) for name, task in side_tasks.items()},
        )


def _below(root: Path, name: str) -> Path:
    """The file that a manifest in `root` calls `name`: one path for each file, however it is spelt."""
    base = os.path.abspath(root)
    path = Path(os.path.normpath(os.path.join(base, name)))
    return root / path.relative_to(base) if path.is_relative_to(base) else path


def _truth(row: Row, task: DataConfig | SideTaskConfig, path: Path, number: int) -> Truth:
    columns = task.quantities or dict.fromkeys(task.shares, QuantityConfig(range=(0.0, 1.0)))
    if not columns:
        return Truth(labels_in_cell(row, task.label, path, number))
    return Truth(values={name: number_in_cell(row, name, quantity, path, number) for name, quantity in columns.items()})


def in_folds(clips: list[Clip], count: int) -> list[Clip]:
    """The clips in `count` folds of whole groups, balanced by label and named 1, 2, ...

    They are the same whatever the seed of a run, as a model of one seed may be tested with the recipe of another.
    Raises `ConfigError` for fewer groups than folds.
    """
    groups = [group_of(clip) for clip in clips]
    if len(set(groups)) < count:
        raise ConfigError(
            f"data.folds = {count} needs at least {count} groups (artists, speakers, sources), the {len(clips)} clips "
            f"have {len(set(groups))}; ask for fewer folds or list finer groups"
        )
    parts = balanced_parts([clip.labels for clip in clips], groups, count, seed=0)
    return [replace(clip, fold=str(part + 1)) for clip, part in zip(clips, parts, strict=True)]


def missing_files(clips: Sequence[Clip]) -> list[Path]:
    """The files of `clips` that do not exist."""
    return [clip.path for clip in clips if not os.path.isfile(clip.path)]  # Path.is_file raises for some names


def listed_twice(clips: Sequence[Clip]) -> list[Path]:
    """The files that several of `clips`, which are sorted by path, are about."""
    return [a.path for a, b in itertools.pairwise(clips) if a.path == b.path]


def check_labels(clips: Sequence[Clip], config: DataConfig, side_tasks: SideTasks) -> None:
    """Raises `ConfigError` for labels that a task does not list, and if a single-label or binary one has too few or too
    many of them, as a whole or on a clip."""
    paths = [clip.path for clip in clips]
    _check_labels(paths, clips, config, "data")
    for name, task in side_tasks.items():
        _check_labels(paths, [clip.side[name] for clip in clips], task, f"side_tasks.{name}")


def _check_labels(
    paths: Sequence[Path], truths: Sequence[Clip | Truth], task: DataConfig | SideTaskConfig, section: str
) -> None:
    names = label_names(truths)
    if task.labels:
        _check_listed(paths, truths, task.labels, section)
    if task.kind in ("single_label", "binary"):
        wrong = next(((path, truth) for path, truth in zip(paths, truths, strict=True) if len(truth.labels) != 1), None)
        if wrong:
            count = len(wrong[1].labels)
            mend = f"set {section}.kind = 'multi_label' for several" if count else "label it or take it out"
            raise ConfigError(f"{wrong[0]} has {count} labels where a {task.kind} task wants one; {mend}")
        if len(names) < 2:
            raise ConfigError(f"all clips have the label {', '.join(names)}; a classifier needs at least two")
    if task.kind == "binary" and (len(names) != 2 or task.positive not in names):
        raise ConfigError(
            f"a binary task needs the label {section}.positive = {task.positive!r} and one other, the clips have "
            f"{', '.join(names)}"
        )


def _check_listed(paths: Sequence[Path], truths: Sequence[Clip | Truth], listed: Sequence[str], section: str) -> None:
    unlisted = {path: set(truth.labels) - set(listed) for path, truth in zip(paths, truths, strict=True)}
    wrong = [(path, label) for path, labels in unlisted.items() for label in sorted(labels)]
    if not wrong:
        return
    first_clips = list({label: (path, label) for path, label in reversed(wrong)}.values())[::-1]
    shown = "; ".join(f"{path} has {label!r}{_meant(label, listed)}" for path, label in first_clips[:_SHOWN])
    shown += f"; and {len(first_clips) - _SHOWN} more" if len(first_clips) > _SHOWN else ""
    count = len({path for path, _ in wrong})
    raise ConfigError(
        f"{section}.labels lists {', '.join(listed)}, {count} of {len(paths)} clips have other labels: {shown}; "
        "correct them, or add them to the list"
    )


def _meant(label: str, listed: Sequence[str]) -> str:
    near = difflib.get_close_matches(label, listed, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
