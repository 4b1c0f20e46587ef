"""What is wrong with a data set, all at once: for people before they train, and for machines."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from audiocnn.errors import ConfigError
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
from training.data.split import SPLITS, check_splits, hold_out

Kind = Literal[
    "missing", "listed_twice", "unreadable", "labels", "splits", "folds", "validation", "group_leak", "content_leak",
    "conflict", "duplicate", "lone_label",
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
    divisions = [_sides(clips, "split", SPLITS), _sides(clips, "fold", sorted({clip.fold for clip in clips}))]
    made: list[Sides] = []
    try:
        made = _made_splits(clips, config)
    except ConfigError as error:
        findings.append(Finding("validation", True, str(error)))
    for sides in (*divisions, *made):
        told = {frozenset(finding.clips) for finding in findings}
        leaks = _leaks(sides, decoded, root, problem=not config.data.allow_leaks)
        findings += [leak for leak in leaks if frozenset(leak.clips) not in told]
    findings += _copies(clips, decoded, (*divisions, *made), root)
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


def _made_splits(clips: Sequence[Clip], config: Config) -> list[Sides]:
    """How training will hold out clips for validation: of those marked to train on, or of all and without each fold.

    Raises `ConfigError` for fewer groups than that takes.
    """
    named = {clip.split for clip in clips if clip.split}
    if config.data.validation == 0 or "validation" in named:
        return []
    folds = [] if named else sorted({clip.fold for clip in clips if clip.fold})
    whole = [clip for clip in clips if not named or clip.split == "train"]
    rest = [whole, *([clip for clip in clips if clip.fold != fold] for fold in folds if len(folds) > 1)]
    parts = [hold_out(some, config.data.validation, config.seed) for some in rest if some]
    return [{"train": train, "validation": validation} for train, validation in parts]


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
