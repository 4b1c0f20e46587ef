"""`ModelSpec`, the spine of the project.

The registry builds a network from it, the checkpoint stores it, `prepare` reads its input, the classifier reads its
task, and `/v1/models` reports it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audiocnn.errors import CheckpointError
from audiocnn.spec.checks import check_type
from audiocnn.spec.input import InputSpec, input_from_json, input_to_json
from audiocnn.spec.task import TaskSpec, task_from_json, task_to_json

FORMAT_VERSION = 1


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
    input: InputSpec
    task: TaskSpec
    licence: str = "unspecified"
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "version", "architecture", "licence"):
            check_type(name, getattr(self, name), str, "text")
        for name in ("arguments", "training", "metrics"):
            check_type(name, getattr(self, name), Mapping, "an object of names and values")

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON types, with its `format_version`."""
        values = dataclasses.asdict(self) | {"input": input_to_json(self.input), "task": task_to_json(self.task)}
        return {"format_version": FORMAT_VERSION, **values}

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
            values["input"] = input_from_json(values["input"])
            values["task"] = task_from_json(values["task"])
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"config.json does not describe a model: {error}") from error
