"""A whole run, and how it comes from a TOML file. Every key of the file is a field of these records."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from audiocnn.errors import ConfigError
from audiocnn.spec import INPUT_SPECS, InputSpec, Media
from audiocnn.spec.checks import check_name
from audiocnn.spec.input import input_to_json
from training.config.augment import AugmentConfig
from training.config.checks import FOLDER_NAME, check_fields, is_folder_name
from training.config.data import DataConfig, SideTaskConfig, check_side_task
from training.config.optim import OptimConfig
from training.config.reader import read_table, to_record
from training.config.visual_augment import VisualAugmentConfig


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Which registered architecture to train, and its arguments.

    pretrained: whose weights to begin with, a bundled model's name or a model directory of the same architecture; empty
      for random ones. The last layer begins anew unless its outputs mean the same
      (see `training.pretrained.take_weights`).
    """

    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pretrained: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run. `merge` names coarser labels of a `single_label` task to report as well, each with the labels it
    joins; `side_tasks` are learned beside the task that `data` describes."""

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
        check_fields("", self, ["name"], is_folder_name, FOLDER_NAME)
        check_fields("", self, ["seed"], lambda v: 0 <= v < 2**32, "from 0 to 4294967295")
        for name, task in self.side_tasks.items():
            check_name("the name of a side task", name)
            check_side_task(f"side_tasks.{name}", task, self.data.manifest)
        if self.merge and self.data.kind != "single_label":
            raise ConfigError(
                f"merge is for data.kind = 'single_label', got it for {self.data.kind!r}; leave it out or "
                "--set merge={}"
            )
        _check_balance(self.train.balance, self.data)
        if not isinstance(self.augment, _augment_record(self.input.media)):
            raise ConfigError(f"augment must fit input.media = {self.input.media!r}, got {type(self.augment).__name__}")
        if self.input.media != "audio" and (self.train.cut_mix or self.train.mixing != "mixup"):
            raise ConfigError(
                f"train.cut_mix and train.mixing are for input.media = 'audio', leave them out for {self.input.media!r}"
            )

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON types."""
        return dataclasses.asdict(self) | {"input": input_to_json(self.input)}


def _check_balance(balance: str, data: DataConfig) -> None:
    drawn = ["none", "loss", "sampling", "groups"]
    legal = {"multi_label": ["none", "loss"], "regression": ["none"]}.get(data.kind, drawn)
    if balance not in legal:
        raise ConfigError(f"train.balance must be {' or '.join(legal)} for data.kind = {data.kind!r}, got {balance!r}")
    if balance == "groups" and not data.group:
        raise ConfigError("train.balance = 'groups' needs data.group, the manifest's column of artists or speakers")


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The run that a TOML file describes, with single keys replaced.

    Raises what `read_table` raises, and `ConfigError` for illegal keys or values.
    """
    table = read_table(path, overrides)
    table.setdefault("augment", {})
    return to_record(Config, table, str(path), sections=_sections_of(table))


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
