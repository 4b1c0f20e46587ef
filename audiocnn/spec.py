"""What a model eats, what it answers and how it is built: records that travel with the weights as `config.json`.

`ModelSpec` is the spine of the project: the registry builds a network from it, the checkpoint stores it, `prepare`
reads its input, the classifier reads its task, and `/v1/models` reports it.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from audiocnn.errors import CheckpointError, ConfigError

FORMAT_VERSION = 1

Normalisation = Literal["none", "peak", "rms", "standardise"]
Tail = Literal["shift", "pad", "drop"]
TaskKind = Literal["single_label", "multi_label"]


def _check_type(name: str, value: object, wanted: type | tuple[type, ...], words: str) -> None:
    """Annotations bind nobody who writes JSON by hand."""
    if not isinstance(value, wanted):
        raise ConfigError(f"{name} must be {words}, got {value!r}")


def _choice(name: str, value: str, legal: object) -> None:
    if value not in get_args(legal):
        raise ConfigError(f"{name} must be one of {', '.join(get_args(legal))}, got {value!r}")


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """How audio becomes model input (see `audiocnn.audio.prepare`).

    sample_rate: Hz the model hears.
    window, hop: samples of one model input, and from one to the next.
    normalisation: level of each window: `peak` (largest amplitude 1), `rms` (root mean square 1), `standardise`
      (zero mean, deviation 1) or `none`.
    tail: what happens to the samples after the last whole window (see `audiocnn.audio.framing`).
    silence_db: windows whose RMS lies below this level (dB relative to full scale) count as silent.
    """

    sample_rate: int
    window: int
    hop: int
    normalisation: Normalisation = "rms"
    tail: Tail = "shift"
    silence_db: float = -70.0

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window", "hop"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(f"{name} must be a whole number of at least 1, got {value!r}")
        if self.hop > self.window:
            raise ConfigError(
                f"hop must not exceed the window, or samples between windows are never heard: hop {self.hop}, "
                f"window {self.window}; decrease hop"
            )
        _choice("normalisation", self.normalisation, Normalisation)
        _choice("tail", self.tail, Tail)
        if type(self.silence_db) not in (int, float) or math.isnan(self.silence_db):
            raise ConfigError(f"silence_db must be a number of dB, got {self.silence_db!r}")


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What the outputs mean: `single_label` (softmax over labels) or `multi_label` (a sigmoid for each)."""

    kind: TaskKind
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        _choice("kind", self.kind, TaskKind)
        if not all(isinstance(label, str) and label for label in self.labels):
            raise ConfigError(f"labels must be words, got {list(self.labels)}")
        if len(self.labels) < (2 if self.kind == "single_label" else 1):
            raise ConfigError(f"a {self.kind} task needs more labels than {list(self.labels)}")
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"labels must differ from one another, got {list(self.labels)}")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model in full: architecture and its arguments, input, task, and where it comes from.

    `training` holds the provenance (data, recipe, seed, epochs), `metrics` the measured quality; both are reported
    as they are and never read by code.
    """

    name: str
    version: str
    architecture: str
    arguments: Mapping[str, Any]
    input: AudioSpec
    task: TaskSpec
    licence: str = "unspecified"
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "version", "architecture", "licence"):
            _check_type(name, getattr(self, name), str, "text")
        for name in ("arguments", "training", "metrics"):
            _check_type(name, getattr(self, name), Mapping, "an object of names and values")

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON types, with its `format_version`."""
        return {"format_version": FORMAT_VERSION, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ModelSpec":
        """The specification that `to_json` wrote. Raises `CheckpointError` for another format or missing fields."""
        if not isinstance(data, Mapping):
            raise CheckpointError(f"config.json must hold an object, it holds {type(data).__name__}")
        values = dict(data)
        version = values.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise CheckpointError(
                f"config.json has format_version {version!r}, this release reads {FORMAT_VERSION}; "
                "export the model again with the matching release"
            )
        try:
            values["input"] = AudioSpec(**values["input"])
            task = dict(values["task"])
            _check_type("labels", task["labels"], (list, tuple), "a list of words")
            values["task"] = TaskSpec(**{**task, "labels": tuple(task["labels"])})
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"config.json does not describe a model: {error}") from error
