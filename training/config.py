"""A training run as a TOML file. Every key is a field below; an unknown key is an error that names the known ones."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from audiocnn.errors import ConfigError
from audiocnn.spec import AudioSpec, TaskKind

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where the clips are.

    root: the data folder, relative to the TOML file; empty if the command line names it with `--data`.
    manifest: a CSV or JSONL file below the data folder; empty means that each sub-folder is a class.
    path, label, split, fold, group: names of its columns; `split` and `fold` and `group` may be empty.
    kind: `single_label`, or `multi_label` with labels separated by `|`.
    validation: share of the training clips, whole groups, held out for early stopping where the manifest has no
      validation split; 0 trains to the last epoch.
    max_unreadable: share of clips that may be skipped because they cannot be decoded.
    """

    root: str = ""
    manifest: str = ""
    path: str = "path"
    label: str = "label"
    split: str = ""
    fold: str = ""
    group: str = ""
    kind: TaskKind = "single_label"
    validation: float = 0.15
    max_unreadable: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.validation < 1:
            raise ConfigError(f"data.validation must be a share from 0 to below 1, got {self.validation}")


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
    lr: peak learning rate of AdamW; it rises over `warmup` (a share of all steps) and falls along a cosine to zero.
    weight_decay: on weights only, never on norms and biases. clip_grad: largest gradient norm.
    label_smoothing: share of each target spread over all labels. mixup: alpha of the Beta distribution, 0 for none.
    ema: decay of the averaged weights that are validated and kept.
    patience: epochs without a better validation loss before stopping; needs a validation split.
    """

    epochs: int = 60
    crops_per_clip: int = 2
    batch_size: int = 32
    lr: float = 2e-3
    warmup: float = 0.15
    weight_decay: float = 0.05
    clip_grad: float = 2.0
    label_smoothing: float = 0.05
    mixup: float = 0.0
    ema: float = 0.995
    patience: int = 15

    def __post_init__(self) -> None:
        for name in ("epochs", "crops_per_clip", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ConfigError(f"train.{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """What each training window goes through, in this order; 0 or an empty range switches a step off.

    speed: largest relative change of speed and pitch. gain_db: largest change of level, either way.
    soft_clip: probability of a saturated master. eq_db: deviation of a random equaliser curve. low_pass: probability of
    a codec-like upper limit between 2.5 kHz and the Nyquist frequency. high_pass: probability of a lower limit between
    40 and 250 Hz. noise_db: range of signal-to-noise ratios of white noise, applied to every second window.
    polarity: flip half of the windows.
    """

    speed: float = 0.0
    gain_db: float = 6.0
    soft_clip: float = 0.0
    eq_db: float = 0.0
    low_pass: float = 0.0
    high_pass: float = 0.0
    noise_db: tuple[float, ...] = (15.0, 45.0)
    polarity: bool = True

    def __post_init__(self) -> None:
        if len(self.noise_db) not in (0, 2):
            raise ConfigError(f"augment.noise_db must be [] or [lowest, highest], got {list(self.noise_db)}")
        if not 0 <= self.speed < 1:
            raise ConfigError(f"augment.speed must lie from 0 to below 1, got {self.speed}")


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run. `merge` names coarser labels to report as well, each with the labels it joins."""

    name: str
    input: AudioSpec
    model: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    train: OptimConfig = field(default_factory=OptimConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    merge: Mapping[str, list[str]] = field(default_factory=dict)
    licence: str = "unspecified"
    seed: int = 0


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The run that a TOML file describes, with single keys replaced.

    overrides: each `section.key=value` or `key=value`; a value that is not TOML is taken as text.
    Raises `ConfigError` for a missing file, broken TOML or illegal keys.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; recipes lie in training/recipes") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for override in overrides:
        _replace(table, override)
    sections = {
        "input": AudioSpec,
        "model": ModelConfig,
        "data": DataConfig,
        "train": OptimConfig,
        "augment": AugmentConfig,
    }
    values = {k: _record(sections[k], v, f"[{k}]") if k in sections else v for k, v in table.items()}
    return _record(Config, values, str(path))


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


def _record(kind: type[Record], table: Mapping[str, Any], where: str) -> Record:
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ConfigError(f"{where} has unknown keys {', '.join(unknown)}; known: {', '.join(sorted(fields))}")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
    except TypeError as error:
        raise ConfigError(f"{where} is incomplete: {error}") from error
