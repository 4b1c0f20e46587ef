"""The sections `[data]` and `[side_tasks.NAME]`: where the clips are, and what is to be learned of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from audiocnn.errors import ConfigError
from audiocnn.spec import TaskKind
from audiocnn.spec.task import Scale
from training.config.checks import check_fields


@dataclass(frozen=True, slots=True)
class QuantityConfig:
    """A number to learn, from the manifest's column of that name.

    unit: as people write it, such as "BPM". range: [] or [lowest, highest] legal value; answers are clipped to it.
    scale, bins, tolerance: see `Quantity`; `scale = "log"` takes values above 0, `bins` need a range.
    follows_speed: whether a window that runs r times as fast has r times the value, as of tempo.
    """

    unit: str = ""
    range: tuple[float, ...] = ()
    scale: Scale = "linear"
    bins: int = 0
    tolerance: float = 0.0
    follows_speed: bool = False

    def __post_init__(self) -> None:
        check_fields(
            "", self, ["range"], lambda v: not v or (len(v) == 2 and v[0] < v[1]), "[] or [lowest, highest] legal value"
        )
        if self.scale == "log" and self.range:
            check_fields("", self, ["range"], lambda v: v[0] > 0, "of values above 0 for scale = 'log'")
        check_fields("", self, ["bins"], lambda v: v == 0 or v >= 2, "0 or at least 2")
        if self.bins and not self.range:
            raise ConfigError(f"range must be [lowest, highest] legal value for bins = {self.bins}, got []")
        check_fields("", self, ["tolerance"], lambda v: 0 <= v < 1, "a share from 0 to below 1")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where the clips are.

    root: the data folder, relative to the TOML file; empty if the command line names it with `--data`.
    manifest: a CSV or JSONL file below the data folder; empty means that each sub-folder is a class.
    path, label, split, fold, group: names of its columns; `split` and `fold` and `group` may be empty.
    kind: `single_label`; `multi_label` with labels separated by `|`, or with a share from 0 to 1 of each label in the
      columns that `shares` names; `binary` between the label `positive` and one other; or `regression` of the numbers
      in the columns that `quantities` names.
    labels: those that there are, so that a misspelt one is an error and no class of its own; any if left out.
    validation: share of the training clips, whole groups, held out for early stopping where the manifest has no
      validation split; 0 trains to the last epoch.
    max_unreadable: share of clips that may be skipped because they cannot be decoded.
    folds: how many folds to make, of whole groups and balanced by label, where the manifest has none; 0 for none.
    allow_leaks: train although groups or identical content are in two splits or folds, which is refused otherwise.
    """

    root: str = ""
    manifest: str = ""
    path: str = "path"
    label: str = "label"
    split: str = ""
    fold: str = ""
    group: str = ""
    kind: TaskKind = "single_label"
    positive: str = ""
    quantities: Mapping[str, QuantityConfig] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    validation: float = 0.15
    max_unreadable: float = 0.01
    folds: int = 0
    allow_leaks: bool = False

    def __post_init__(self) -> None:
        _check_task("data", self)
        if (self.quantities or self.shares) and not self.manifest:
            columns = "quantities" if self.quantities else "shares"
            raise ConfigError(f"data.manifest must name the file with the columns of data.{columns}, got ''")
        check_fields("data.", self, ["validation"], lambda v: 0 <= v <= 0.5, "a share from 0 to 0.5")
        check_fields("data.", self, ["max_unreadable"], lambda v: 0 <= v <= 1, "a share from 0 to 1")
        check_fields("data.", self, ["folds"], lambda v: v == 0 or v >= 2, "0 for none or at least 2")
        if self.folds and (self.fold or self.split):
            raise ConfigError(
                f"data.folds makes folds where the manifest has none; leave out data.folds = {self.folds} or "
                f"data.{'fold' if self.fold else 'split'} = {self.fold or self.split!r}"
            )


@dataclass(frozen=True, slots=True)
class SideTaskConfig:
    """A further task of the same network. The fields mean what they mean in `DataConfig`.

    weight: of its loss, which is added to that of the main task.
    answers: whether the finished model answers it. A task that does not only helps to learn: whose recording a window
      is from, say, of which there are many and new ones later. Its labels are those of the training clips.
    """

    kind: TaskKind
    label: str = ""
    positive: str = ""
    quantities: Mapping[str, QuantityConfig] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    weight: float = 1.0
    answers: bool = True


def _check_task(section: str, task: DataConfig | SideTaskConfig) -> None:
    """Raises `ConfigError` unless the fields of a task fit its kind."""
    if bool(task.positive) != (task.kind == "binary"):
        raise ConfigError(
            f"{section}.positive must name the label of yes for {section}.kind = 'binary' and be left out for others, "
            f"got {task.positive!r} for {task.kind!r}"
        )
    if bool(task.quantities) != (task.kind == "regression"):
        raise ConfigError(
            f"{section}.quantities must name columns of numbers for {section}.kind = 'regression' and be left out for "
            f"others, got {', '.join(task.quantities) or 'none'} for {task.kind!r}"
        )
    if task.shares and task.kind != "multi_label":
        raise ConfigError(f"{section}.shares are for {section}.kind = 'multi_label', got them for {task.kind!r}")
    if len(set(task.shares)) != len(task.shares):
        raise ConfigError(f"{section}.shares must differ from one another, got {', '.join(task.shares)}")
    if task.labels:
        _check_labels(section, task)


def _check_labels(section: str, task: DataConfig | SideTaskConfig) -> None:
    if task.quantities or task.shares:
        raise ConfigError(f"{section}.labels are for a column of labels, leave them out with quantities or shares")
    plain = all(label and " ".join(label.split()) == label for label in task.labels)
    if not plain or len(set(task.labels)) != len(task.labels):
        raise ConfigError(
            f"{section}.labels must differ from one another and be words without blanks around them, "
            f"got {', '.join(map(repr, task.labels))}"
        )
    if len(task.labels) < 2 and task.kind != "multi_label":
        raise ConfigError(f"{section}.labels must be at least two for {task.kind!r}, got {task.labels[0]!r}")
    if task.kind == "binary" and (len(task.labels) != 2 or task.positive not in task.labels):
        raise ConfigError(
            f"{section}.labels must be {section}.positive = {task.positive!r} and one other for 'binary', "
            f"got {', '.join(map(repr, task.labels))}"
        )


def check_side_task(section: str, task: SideTaskConfig, manifest: str) -> None:
    """Raises `ConfigError` unless a side task is legal, its columns being in the file `manifest`."""
    _check_task(section, task)
    check_fields(f"{section}.", task, ["weight"], lambda v: 0 < v < math.inf, "a finite number above 0")
    if bool(task.label) == bool(task.quantities or task.shares):
        raise ConfigError(f"{section} must name its column with label, or columns with quantities or shares")
    if not manifest:
        raise ConfigError(f"data.manifest must name the file with the columns of {section}, got ''")
