"""Which clips train, validate and test; whole groups (artists, speakers, sources) stay on one side."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from audiocnn.errors import ConfigError
from audiocnn.spec import ModelSpec
from training.config import Config
from training.data.balance import balanced_parts
from training.data.cache import Cache
from training.data.leaks import refuse, shared_content, shared_groups
from training.data.manifest import Clip, group_of

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint clips. `validation` and `test` may be empty."""

    train: list[Clip]
    validation: list[Clip]
    test: list[Clip]

    def sides(self) -> dict[str, list[Clip]]:
        """The three by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def folds_of(clips: Sequence[Clip]) -> list[str]:
    """The names of the folds, sorted. Raises `ConfigError` if there are fewer than two."""
    folds = sorted({clip.fold for clip in clips if clip.fold})
    if len(folds) < 2:
        raise ConfigError(
            f"cross-validation needs at least 2 folds, the clips have {folds}; name their column with data.fold, "
            "or have some made with data.folds = 5"
        )
    return folds


def clips_of(clips: Sequence[Clip], fold: str) -> list[Clip]:
    """The clips of one fold. Raises `ConfigError` if there are none."""
    found = [clip for clip in clips if clip.fold and clip.fold == fold]
    if not found:
        raise ConfigError(f"the manifest has no fold {fold!r}; it has {', '.join(folds_of(clips))}")
    return found


def clips_in(clips: Sequence[Clip], split: str, config: Config, spec: ModelSpec) -> list[Clip]:
    """The clips of one split: the manifest's, or what of it was made for the training of the model with `spec`.

    Raises `ConfigError` if there are none, and what `split_of_model` raises.
    """
    named = {clip.split for clip in clips if clip.split}
    if "validation" in named or (named and split == "test"):
        found = [clip for clip in clips if clip.split == split]
    else:
        found = split_of_model(clips, config, spec).sides()[split]
    if not found:
        raise ConfigError(
            f"the split {split!r} has no clips; name its column with data.split, or take clips with --fold"
        )
    return found


def check_splits(clips: Sequence[Clip]) -> None:
    """Raises `ConfigError` for an unknown split, and for clips without one beside clips with one."""
    unknown = {clip.split for clip in clips} - set(SPLITS)
    if unknown - {""} or (unknown and any(clip.split for clip in clips)):
        raise ConfigError(f"splits must be train, validation or test, the manifest has {sorted(unknown)}")


def split_clips(
    clips: Sequence[Clip], *, test_fold: str | None, validation: float, seed: int, allow_leaks: bool = False
) -> Split:
    """Divide `clips`.

    A manifest with splits (`train`, `validation`, `test`) decides by itself. Otherwise `test_fold` is the test set, or
    none. Where no split says which clips are for validation, about the share `validation` of those to train on is held
    out, balanced by label and by whole groups.
    Raises `ConfigError` for an unknown fold or split, a fold where splits decide, and a group on two sides unless
    `allow_leaks`.
    """
    if any(clip.split for clip in clips):
        check_splits(clips)
        if test_fold is not None:
            raise ConfigError(f"fold {test_fold!r} cannot be the test set, data.split decides; leave one of them out")
        split = Split(**{name: [c for c in clips if c.split == name] for name in SPLITS})
    else:
        test = clips_of(clips, test_fold) if test_fold is not None else []
        split = Split([c for c in clips if test_fold is None or c.fold != test_fold], [], test)
    if split.train and not split.validation:
        split = Split(*hold_out(split.train, validation, seed), split.test)
    if not split.train:
        raise ConfigError("no clips are left to train on; check the split and fold columns")
    if not allow_leaks:
        refuse(shared_groups(split.sides()))
    return split


def split_of_model(clips: Sequence[Clip], config: Config, spec: ModelSpec) -> Split:
    """How the clips were divided when the model with `spec` was trained. Raises what `split_clips` raises."""
    # May differ from `config` by --set; another split would hold training clips.
    recipe = spec.training.get("recipe", {})
    return split_clips(
        clips,
        test_fold=spec.training.get("test_fold"),
        validation=recipe.get("data", {}).get("validation", config.data.validation),
        seed=recipe.get("seed", config.seed),
        allow_leaks=config.data.allow_leaks,
    )


def usable(split: Split, cache: Cache, *, allow_leaks: bool) -> Split:
    """The clips of `split` that could be decoded.

    Raises `ConfigError` if none are left to train on, and for the same content on two sides unless `allow_leaks`.
    """
    readable = Split(**{side: cache.readable(clips) for side, clips in split.sides().items()})
    if not readable.train:
        raise ConfigError(f"none of the {len(split.train)} clips to train on can be decoded; check the files")
    if not allow_leaks:
        refuse(shared_content(readable.sides(), cache.digest))
    return readable


def hold_out(clips: Sequence[Clip], share: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Clips to train on, and about `share` of all to validate on, chosen so that few labels are in these alone.

    The clips are divided into few parts of like size, and some of these held out.
    Raises `ConfigError` for fewer groups than that takes.
    """
    if share == 0:
        return list(clips), []
    groups = [group_of(clip) for clip in clips]
    held_out, count = _parts_for(share)
    if len(set(groups)) < count:
        grouped = any(clip.group for clip in clips)
        raise ConfigError(
            f"{len(set(groups))} {'groups' if grouped else 'clips'} cannot give a validation share of {share:g}; "
            f"set data.validation = 0 to train without one{_larger_share(share, len(set(groups)))}, or "
            f"{'list finer groups' if grouped else 'add clips'}"
        )
    part_of = balanced_parts([clip.labels for clip in clips], groups, count, seed)
    parts: dict[str, set[int]] = defaultdict(set)
    for clip, part in zip(clips, part_of, strict=True):
        for label in clip.labels:
            parts[label].add(part)
    lost = Counter(min(found) for found in parts.values() if len(found) == 1)
    validating = sorted(range(count), key=lambda part: lost[part])[:held_out]
    sides: tuple[list[Clip], list[Clip]] = [], []
    for clip, part in zip(clips, part_of, strict=True):
        sides[part in validating].append(clip)
    return sides


def _parts_for(share: float) -> tuple[int, int]:
    """How many of how many parts come within a twentieth of `share`; few are easier to balance than many."""
    count = 2
    while abs(round(share * count) / count - share) > 0.05 * share:
        count += 1
    return round(share * count), count


def _larger_share(share: float, groups: int) -> str:
    """For a message: the next hundredth above `share` that so many groups can give, nothing if there is none."""
    possible = (hundredths / 100 for hundredths in range(1, 51))
    found = next((larger for larger in possible if larger > share and _parts_for(larger)[1] <= groups), None)
    return f", or {found:g}, which they can give" if found else ""
