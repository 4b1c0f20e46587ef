"""A training run as a TOML file. Every key is a field below; an unknown key is an error that names the known ones."""

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from audiocnn.errors import ConfigError
from audiocnn.spec import INPUT_SPECS, InputSpec, Media, TaskKind
from audiocnn.spec.checks import check_name
from audiocnn.spec.input import input_to_json
from audiocnn.spec.task import Scale

Record = TypeVar("Record")

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text in quotes",
    tuple[float, ...]: "a list of numbers",
    tuple[str, ...]: "a list of text in quotes",
    Mapping[str, Any]: "a table of names and values",
    Mapping[str, list[str]]: "a table of names and lists of text in quotes",
}

_MOST_DB = 120
_STEEPEST = 4  # exponent of coloured noise


def _check(section: str, record: object, names: Sequence[str], legal: Callable[[Any], bool], words: str) -> None:
    """Raises `ConfigError` that asks for `words` unless the fields `names` of a section are `legal`."""
    for name in names:
        value = getattr(record, name)
        if not legal(value):
            raise ConfigError(f"{section}{name} must be {words}, got {value!r}")


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
        _check(
            "", self, ["range"], lambda v: not v or (len(v) == 2 and v[0] < v[1]), "[] or [lowest, highest] legal value"
        )
        if self.scale == "log" and self.range:
            _check("", self, ["range"], lambda v: v[0] > 0, "of values above 0 for scale = 'log'")
        _check("", self, ["bins"], lambda v: v == 0 or v >= 2, "0 or at least 2")
        if self.bins and not self.range:
            raise ConfigError(f"range must be [lowest, highest] legal value for bins = {self.bins}, got []")
        _check("", self, ["tolerance"], lambda v: 0 <= v < 1, "a share from 0 to below 1")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where the clips are.

    root: the data folder, relative to the TOML file; empty if the command line names it with `--data`.
    manifest: a CSV or JSONL file below the data folder; empty means that each sub-folder is a class.
    path, label, split, fold, group: names of its columns; `split` and `fold` and `group` may be empty.
    kind: `single_label`; `multi_label` with labels separated by `|`, or with a share from 0 to 1 of each label in the
      columns that `shares` names; `binary` between the label `positive` and one other; or `regression` of the numbers
      in the columns that `quantities` names.
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
    validation: float = 0.15
    max_unreadable: float = 0.01
    folds: int = 0
    allow_leaks: bool = False

    def __post_init__(self) -> None:
        _check_task("data", self)
        if (self.quantities or self.shares) and not self.manifest:
            columns = "quantities" if self.quantities else "shares"
            raise ConfigError(f"data.manifest must name the file with the columns of data.{columns}, got ''")
        _check("data.", self, ["validation"], lambda v: 0 <= v < 1, "a share from 0 to below 1")
        _check("data.", self, ["max_unreadable"], lambda v: 0 <= v <= 1, "a share from 0 to 1")
        _check("data.", self, ["folds"], lambda v: v == 0 or v >= 2, "0 for none or at least 2")
        if self.folds and (self.fold or self.split):
            raise ConfigError(
                f"data.folds makes folds where the manifest has none; leave out data.folds = {self.folds} or "
                f"data.{'fold' if self.fold else 'split'} = {self.fold or self.split!r}"
            )


@dataclass(frozen=True, slots=True)
class SideTaskConfig:
    """A further task of the same network. The fields mean what they mean in `DataConfig`.

    weight: of its loss, which is added to that of the main task.
    """

    kind: TaskKind
    label: str = ""
    positive: str = ""
    quantities: Mapping[str, QuantityConfig] = field(default_factory=dict)
    shares: tuple[str, ...] = ()
    weight: float = 1.0


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


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which registered architecture to train, and its arguments."""

    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OptimConfig:
    """How to train.

    epochs: passes over the clips, each with `crops_per_clip` random windows of every clip.
    batch_size: windows in one step, over all processes.
    accumulate: parts a process's share of a step is computed in, one after the other, for networks too large for the
      memory. Norms over the batch see one part at a time.
    balance: `loss` weighs labels by how rare they are; `sampling` draws clips so that each label is as frequent, for
      `single_label` and `binary`; or `none`.
    compile: whether the network that is stepped goes through `torch.compile`, which needs a compiler.
    precision: of the arithmetic in the network: `float32`, or `bfloat16` (weights stay float32), up to twice as fast
      where the hardware has it.
    optimizer: `adamw`, or `sgd` with `momentum`, the plain one with 0.
    lr: peak learning rate; it rises over `warmup` (a share of all steps) and falls along a cosine to zero.
    weight_decay: on weights only, never on norms and biases. clip_grad: largest gradient norm.
    label_smoothing: share of each target spread over all labels; a regression has none.
    mixup: two windows of a batch become one, and their targets, at a ratio from Beta(mixup, mixup); 0 for none.
    mixing: how: `mixup`, a plain blend; or, for sound, `between-class`, of windows with different targets at the ratio
      at which they are heard, as in its paper with mixup = 1.
    cut_mix: for sound, share of the batches in which a span of each window is replaced by another's instead.
    data_on_device: whether the decoded training clips lie in the device's memory and windows are cut there: `always`,
      `never`, or `auto`, which is on a GPU with twice the room for them. The windows are the same either way.
    ema: decay of the averaged weights that are validated and kept.
    keep: which epoch's averaged weights are the model: `best`, of the lowest validation loss, or `last`.
    patience: epochs without a better validation loss before stopping; needs a validation split and `keep = "best"`.
    save_every_s: seconds between two saved states within an epoch; a state is saved after each epoch as well.
    """

    epochs: int = 60
    crops_per_clip: int = 2
    batch_size: int = 32
    accumulate: int = 1
    balance: Literal["none", "loss", "sampling"] = "none"
    compile: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.9
    lr: float = 2e-3
    warmup: float = 0.15
    weight_decay: float = 0.05
    clip_grad: float = 2.0
    label_smoothing: float = 0.05
    mixup: float = 0.0
    mixing: Literal["mixup", "between-class"] = "mixup"
    cut_mix: float = 0.0
    data_on_device: Literal["auto", "always", "never"] = "auto"
    ema: float = 0.995
    keep: Literal["best", "last"] = "best"
    patience: int = 15
    save_every_s: float = 300.0

    def __post_init__(self) -> None:
        counts = ["epochs", "crops_per_clip", "batch_size", "accumulate", "patience"]
        _check("train.", self, counts, lambda v: v >= 1, "at least 1")
        _check("train.", self, ["lr", "clip_grad"], lambda v: 0 < v < math.inf, "a finite number above 0")
        _check(
            "train.",
            self,
            ["weight_decay", "mixup", "save_every_s"],
            lambda v: 0 <= v < math.inf,
            "a finite number from 0 up",
        )
        shares = ["warmup", "label_smoothing", "ema", "cut_mix"]
        _check("train.", self, shares, lambda v: 0 <= v <= 1, "a share from 0 to 1")
        _check("train.", self, ["momentum"], lambda v: 0 <= v < 1, "from 0 to below 1")
        if self.mixing == "between-class" and not self.mixup:
            raise ConfigError(
                "train.mixup must be above 0 for train.mixing = 'between-class', got 0; the paper has 1.0"
            )


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """What each training window goes through, in this order; 0 or an empty range switches a step off.

    speed: largest relative change of speed and pitch. shift: largest move in time, as a share of the window; what
    leaves at one end enters at the other. gain_db: largest change of level, either way. segment_gain_db: largest of the
    slow changes of level within the window, either way.
    soft_clip: probability of a saturated master. eq_db: deviation of a random equaliser curve. low_pass: probability of
    an upper limit between 2.5 kHz and the Nyquist frequency. high_pass: probability of a lower limit between
    40 and 250 Hz. noise_db: range of signal-to-noise ratios of noise, applied to every second window. noise_colours:
    range of the exponent a of its power 1/f^a: 0 white, 1 pink, 2 brown, -1 blue, -2 violet; white if empty.
    codec: probability of the errors and the upper limit of a lossy encoder. time_mask_ms: longest stretch that is
    silenced, `time_masks` of them in each window.
    polarity: flip half of the windows.
    """

    speed: float = 0.0
    shift: float = 0.0
    gain_db: float = 6.0
    segment_gain_db: float = 0.0
    soft_clip: float = 0.0
    eq_db: float = 0.0
    low_pass: float = 0.0
    high_pass: float = 0.0
    noise_db: tuple[float, ...] = (15.0, 45.0)
    noise_colours: tuple[float, ...] = ()
    codec: float = 0.0
    time_mask_ms: float = 0.0
    time_masks: int = 1
    polarity: bool = True

    def __post_init__(self) -> None:
        _check("augment.", self, ["speed"], lambda v: 0 <= v < 1, "a share from 0 to below 1")
        _check("augment.", self, ["shift"], lambda v: 0 <= v <= 1, "a share from 0 to 1")
        levels = ["gain_db", "segment_gain_db", "eq_db"]
        _check("augment.", self, levels, lambda v: 0 <= v <= _MOST_DB, f"from 0 to {_MOST_DB} dB")
        chances = ["soft_clip", "low_pass", "high_pass", "codec"]
        _check("augment.", self, chances, lambda v: 0 <= v <= 1, "a probability from 0 to 1")
        _check("augment.", self, ["time_mask_ms"], lambda v: 0 <= v < math.inf, "a finite number from 0 up")
        _check("augment.", self, ["time_masks"], lambda v: v >= 1, "at least 1")
        for name, most, unit in (("noise_db", _MOST_DB, " dB"), ("noise_colours", _STEEPEST, "")):
            values = getattr(self, name)
            if not _is_range(values, most):
                raise ConfigError(
                    f"augment.{name} must be [] or [lowest, highest] from -{most} to {most}{unit}, got {list(values)}"
                )


@dataclass(frozen=True, slots=True)
class VisualAugmentConfig:
    """What each image, video window or volume goes through; 0 or an empty list switches a step off.

    speed: largest relative change of a video's speed. shift: largest shift, as a share of each side. rotate_deg:
    largest turn, for volumes about each axis. scale: largest change of size, as a share. shear: largest slant.
    elastic: deviation of a smooth random displacement, as a share of the side. moved: share of the items that go
    through the steps so far; below 1 the network also sees inputs as sharp and as upright as in use. flip: the axes
    along which half of the items are mirrored, of width, height and depth. contrast, brightness: largest relative and
    absolute change, on a scale from 0 to 1. noise: largest deviation of noise in each pixel. erase: probability of a
    black box of up to half of each side.
    """

    speed: float = 0.0
    shift: float = 0.0
    rotate_deg: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    moved: float = 1.0
    flip: tuple[str, ...] = ()
    contrast: float = 0.0
    brightness: float = 0.0
    noise: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        shares = ["speed", "shift", "scale", "shear", "elastic", "contrast", "brightness", "noise"]
        _check("augment.", self, shares, lambda v: 0 <= v < 1, "a share from 0 to below 1")
        _check("augment.", self, ["rotate_deg"], lambda v: 0 <= v <= 180, "from 0 to 180 degrees")
        _check("augment.", self, ["erase", "moved"], lambda v: 0 <= v <= 1, "a probability from 0 to 1")
        axes = {"width", "height", "depth"}
        _check("augment.", self, ["flip"], lambda v: axes.issuperset(v), "a list of width, height and depth")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run. `merge` names coarser labels to report as well, each with the labels it joins; `side_tasks` are
    learned beside the task that `data` describes."""

    name: str
    input: InputSpec
    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    side_tasks: Mapping[str, SideTaskConfig] = field(default_factory=dict)
    train: OptimConfig = field(default_factory=OptimConfig)
    augment: AugmentConfig | VisualAugmentConfig = field(default_factory=AugmentConfig)
    merge: Mapping[str, list[str]] = field(default_factory=dict)
    licence: str = "unspecified"
    seed: int = 0

    def __post_init__(self) -> None:
        _check("", self, ["seed"], lambda v: 0 <= v < 2**32, "from 0 to 4294967295")
        for name, task in self.side_tasks.items():
            check_name("the name of a side task", name)
            _check_side_task(f"side_tasks.{name}", task, self.data.manifest)
        _check_balance(self.train.balance, self.data.kind)
        if not isinstance(self.augment, _augment_record(self.input.media)):
            raise ConfigError(f"augment must fit input.media = {self.input.media!r}, got {type(self.augment).__name__}")
        if self.input.media != "audio" and (self.train.cut_mix or self.train.mixing != "mixup"):
            raise ConfigError(
                f"train.cut_mix and train.mixing are for input.media = 'audio', leave them out for {self.input.media!r}"
            )

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON types."""
        return dataclasses.asdict(self) | {"input": input_to_json(self.input)}


def _check_side_task(section: str, task: SideTaskConfig, manifest: str) -> None:
    _check_task(section, task)
    _check(f"{section}.", task, ["weight"], lambda v: 0 < v < math.inf, "a finite number above 0")
    if bool(task.label) == bool(task.quantities or task.shares):
        raise ConfigError(f"{section} must name its column with label, or columns with quantities or shares")
    if not manifest:
        raise ConfigError(f"data.manifest must name the file with the columns of {section}, got ''")


def _check_balance(balance: str, kind: TaskKind) -> None:
    legal = {"multi_label": ["none", "loss"], "regression": ["none"]}.get(kind, ["none", "loss", "sampling"])
    if balance not in legal:
        raise ConfigError(f"train.balance must be {' or '.join(legal)} for data.kind = {kind!r}, got {balance!r}")


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The run that a TOML file describes, with single keys replaced.

    overrides: each `section.key=value` or `key=value`; a value that is not TOML is taken as text.
    Raises `ConfigError` for a missing file, broken TOML, and illegal keys or values.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; recipes lie in training/recipes") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for override in overrides:
        _replace(table, override)
    table.setdefault("augment", {})
    return _record(Config, table, str(path), "", _sections_of(table))


def _augment_record(media: Media) -> type[AugmentConfig | VisualAugmentConfig]:
    return AugmentConfig if media == "audio" else VisualAugmentConfig


def _sections_of(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """The records of the sections that depend on the medium, which is taken out of `[input]`; it is sound by default.

    Raises `ConfigError` for an unknown one.
    """
    section = table.get("input")
    media = section.pop("media", "audio") if isinstance(section, dict) else "audio"
    if not isinstance(media, str) or media not in INPUT_SPECS:
        raise ConfigError(f"input.media must be one of {', '.join(INPUT_SPECS)}, got {media!r}")
    return {"input": INPUT_SPECS[media], "augment": _augment_record(cast(Media, media))}


def _is_range(values: tuple[float, ...], most: float) -> bool:
    return not values or (len(values) == 2 and -most <= values[0] <= values[1] <= most)


def _replace(table: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    *sections, key = name.strip().split(".")
    if not equals or not all([*sections, key]):
        raise ConfigError(f"--set takes section.key=value, such as train.epochs=20, got {override!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override}: {section} is a value and not a section")
    table[key] = value


def _record(
    kind: type[Record],
    table: Mapping[str, Any],
    where: str,
    prefix: str,
    sections: Mapping[str, Any] = MappingProxyType({}),
) -> Record:
    """A section, or the whole run, from its keys; `prefix` comes before their names in messages.

    sections: the records of those fields that could be several.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ConfigError(f"{where} has unknown keys {', '.join(unknown)}; known: {', '.join(sorted(fields))}")
    missing = [
        name
        for name, f in fields.items()
        if name not in table and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where} is incomplete: it needs {', '.join(missing)}")
    types = {**get_type_hints(kind), **sections}
    return kind(**{name: _value(types[name], value, prefix + name) for name, value in table.items()})


def _value(wanted: Any, value: Any, name: str) -> Any:
    """What TOML gave for the key `name`, as its field takes it."""
    section = dataclasses.is_dataclass(wanted)
    if not _fits(dict[str, Any] if section or _records(wanted) else wanted, value):
        if get_origin(wanted) is Literal:
            words = f"one of {', '.join(map(str, get_args(wanted)))}"
        else:
            words = "a section of names and values" if section or _records(wanted) else _WORDS[wanted]
        raise ConfigError(f"{name} must be {words}, got {value!r}")
    if section:
        return _record(wanted, value, f"[{name}]", f"{name}.")
    if _records(wanted):
        return {key: _value(get_args(wanted)[1], inner, f"{name}.{key}") for key, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _records(wanted: Any) -> bool:
    """Whether a field is a table of sections."""
    return get_origin(wanted) is Mapping and dataclasses.is_dataclass(get_args(wanted)[1])


def _fits(wanted: Any, value: Any) -> bool:
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return True
    if origin is Literal:
        return value in inner
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(_fits(inner[1], v) for v in value.values())
    if origin in (list, tuple):
        return isinstance(value, list) and all(_fits(inner[0], v) for v in value)
    return type(value) in ((int, float) if wanted is float else (wanted,))  # True is an int to isinstance
