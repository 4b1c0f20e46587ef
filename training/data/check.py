"""What is wrong with a data set, all at once: for people before they train, and for machines."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN
from training.config import Config
from training.data.cache import Cache, decode_all
from training.data.leaks import Leak, shared_content, shared_groups
from training.data.manifest import (
    Clip,
    answers_of,
    check_labels,
    group_of,
    in_folds,
    label_names,
    list_clips,
    listed_twice,
    missing_files,
    name_of,
)
from training.data.media import medium_of
from training.data.split import SPLITS, Split, check_splits, split_clips, usable
from training.data.targets import tasks_of, truths_of

Kind = Literal[
    "missing", "listed_twice", "unreadable", "damaged", "labels", "splits", "folds", "validation", "group_leak",
    "content_leak", "conflict", "duplicate", "lone_label", "unseen_label",
]  # fmt: skip
Sides = Mapping[str, Sequence[Clip]]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about a data set. problem: whether it spoils training or its score. clips: the files in it."""

    kind: Kind
    problem: bool
    text: str
    clips: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """counts: of clips with each label, in all and on each side; "" counts the clips."""

    clips: int
    counts: Mapping[str, Mapping[str, int]]
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not any(finding.problem for finding in self.findings)


def check_data(root: Path, config: Config, cache: Path) -> Report:
    """Look at every clip of the data folder `root`, which decodes those that are not in the folder `cache` yet.

    Raises `ConfigError` where there is nothing to look at: what `list_clips` raises, and for a full disk.
    """
    listed = list_clips(root, config.data, config.input.media, config.side_tasks)
    missing, twice = set(missing_files(listed)), set(listed_twice(listed))
    findings = [Finding("missing", True, "does not exist", (name_of(path, root),)) for path in sorted(missing)]
    findings += [Finding("listed_twice", True, "is listed twice", (name_of(path, root),)) for path in sorted(twice)]
    clips = list({clip.path: clip for clip in listed if clip.path not in missing}.values())
    try:
        check_labels(clips, config.data, config.side_tasks)
    except ConfigError as error:
        findings.append(Finding("labels", True, str(error)))
    try:
        check_splits(clips)
    except ConfigError as error:
        findings.append(Finding("splits", True, str(error)))
    try:
        clips = in_folds(clips, config.data.folds) if config.data.folds else clips
    except ConfigError as error:
        findings.append(Finding("folds", True, str(error)))
    decoded = decode_all(cache, clips, medium_of(config))
    too_many = len(decoded.unreadable) > config.data.max_unreadable * len(clips)
    for path, reason in decoded.unreadable.items():
        findings.append(Finding("unreadable", too_many, f"cannot be decoded: {reason}", (name_of(path, root),)))
    for path, warning in decoded.warnings.items():
        findings.append(Finding("damaged", False, f"is used as far as it goes: {warning}", (name_of(path, root),)))
    divisions = [_sides(clips, "split", SPLITS), _sides(clips, "fold", sorted({clip.fold for clip in clips}))]
    trainings: dict[str, Split] = {}
    if "splits" not in {finding.kind for finding in findings}:
        try:
            trainings = _trainings(clips, config)
        except ConfigError as error:
            findings.append(Finding("validation", True, str(error)))
    made = _made_splits(trainings)
    for sides in (*divisions, *made):
        told = {frozenset(finding.clips) for finding in findings}
        leaks = _leaks(sides, decoded, root, problem=not config.data.allow_leaks)
        findings += [leak for leak in leaks if frozenset(leak.clips) not in told]
    findings += _copies(clips, decoded, (*divisions, *made), root)
    if "labels" not in {finding.kind for finding in findings}:
        findings += _unlearnable(config, clips, decoded, trainings)
    findings += _unseen_labels(config, trainings)
    findings += _lone_labels(clips)
    counts = {name: _count(side) for name, side in ({"all": clips} | divisions[0] | divisions[1]).items()}
    return Report(len(listed), counts, findings)


def _sides(clips: Sequence[Clip], attribute: Literal["split", "fold"], names: Iterable[str]) -> dict[str, list[Clip]]:
    """The clips of each split, or of each fold, that has any."""
    found: dict[str, list[Clip]] = {f"{attribute} {name}": [] for name in names if name}
    for clip in clips:
        if name := getattr(clip, attribute):
            found.setdefault(f"{attribute} {name}", []).append(clip)
    return {name: side for name, side in found.items() if side}


def _trainings(clips: Sequence[Clip], config: Config) -> dict[str, Split]:
    """How training will divide all clips, and how where each fold is left out, by words for that.

    Raises `ConfigError` for fewer groups than that takes, and no clips to train on.
    """
    if not clips:
        return {}
    folds = set() if any(clip.split for clip in clips) else {clip.fold for clip in clips if clip.fold}
    left_out = {"": None} | {f"without fold {fold}": fold for fold in sorted(folds) if len(folds) > 1}
    rules = config.data
    return {
        words: split_clips(clips, test_fold=fold, validation=rules.validation, seed=config.seed, allow_leaks=True)
        for words, fold in left_out.items()
    }


def _made_splits(trainings: Mapping[str, Split]) -> list[Sides]:
    """The clips to train and to validate on where the manifest does not say which these are."""
    made = [split for split in trainings.values() if not any(clip.split == "validation" for clip in split.validation)]
    return [{"train": split.train, "validation": split.validation} for split in made if split.validation]


def _leaks(sides: Sides, decoded: Cache, root: Path, *, problem: bool) -> Iterator[Finding]:
    for leak in shared_groups(sides):
        text = f"group {leak.group!r} is in {' and in '.join(leak.clips)}"
        yield Finding("group_leak", problem, text, _names(_all_clips(leak), root))
    for leak in shared_content(sides, decoded.digest):
        text = f"the same content is in {' and in '.join(leak.clips)}"
        yield Finding("content_leak", problem, text, _names(_all_clips(leak), root))


def _copies(clips: Sequence[Clip], decoded: Cache, divisions: Sequence[Sides], root: Path) -> Iterator[Finding]:
    """Clips with the same content: with different answers, or of no other harm than that they count twice."""
    leaking = {
        clip.path for sides in divisions for leak in shared_content(sides, decoded.digest) for clip in _all_clips(leak)
    }
    alike: dict[str, list[Clip]] = defaultdict(list)
    for clip in decoded.readable(clips):
        alike[decoded.digest(clip)].append(clip)
    for copies in alike.values():
        names = _names(copies, root)
        if any(answers_of(clip) != answers_of(copies[0]) for clip in copies):
            answers = " and ".join(sorted({"|".join(clip.labels) for clip in copies})) or "other values"
            yield Finding("conflict", True, f"the same content has different answers: {answers}", names)
        elif len(copies) > 1 and copies[0].path not in leaking:
            what = "the same file" if len({decoded.content(clip) for clip in copies}) == 1 else "the same content"
            yield Finding("duplicate", False, f"{what} {len(copies)} times", names)


def _unlearnable(
    config: Config, clips: Sequence[Clip], decoded: Cache, trainings: Mapping[str, Split]
) -> Iterator[Finding]:
    """What training will refuse, and where."""
    refused: dict[str, list[str]] = defaultdict(list)
    for words, split in trainings.items():
        try:
            tasks_of(config, clips, usable(split, decoded, allow_leaks=True).train)
        except ConfigError as error:
            refused[str(error)].append(words)
    for text, where in refused.items():
        yield Finding("labels", True, text + _in_brackets(where))


def _unseen_labels(config: Config, trainings: Mapping[str, Split]) -> Iterator[Finding]:
    """Labels to validate or test on that cannot be learned."""
    unseen: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    answered = [MAIN, *(name for name, task in sorted(config.side_tasks.items()) if task.answers)]
    for (words, split), name in itertools.product(trainings.items(), answered):
        learned = set(label_names(truths_of(split.train, name)))
        for side in ("validation", "test"):
            for label in set(label_names(truths_of(split.sides()[side], name))) - learned:
                unseen[name, label, side].append(words)
    for (name, label, side), where in sorted(unseen.items()):
        task = f" of {name}" if name else ""
        text = f"label {label!r}{task} is among the {side} clips and not among those to train on"
        yield Finding("unseen_label", False, text + _in_brackets(where))


def _in_brackets(where: Sequence[str]) -> str:
    return f" ({', '.join(where)})" if all(where) else ""


def _lone_labels(clips: Sequence[Clip]) -> Iterator[Finding]:
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        for label in clip.labels:
            groups[label].add(group_of(clip))
    for label, found in sorted(groups.items()):
        if len(found) == 1:
            yield Finding(
                "lone_label", False, f"label {label!r} is in one group alone: it is trained or tested, never both"
            )


def _count(clips: Sequence[Clip]) -> dict[str, int]:
    counts = Counter(label for clip in clips for label in clip.labels)
    return {"": len(clips)} | {label: counts[label] for label in label_names(clips)}


def _all_clips(leak: Leak) -> list[Clip]:
    return [clip for side in leak.clips.values() for clip in side]


def _names(clips: Sequence[Clip], root: Path) -> tuple[str, ...]:
    return tuple(name_of(clip.path, root) for clip in clips)
