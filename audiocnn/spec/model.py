"""`ModelSpec`, the spine of the project.

The registry builds a network from it, the checkpoint stores it, `prepare` reads its input, the classifier reads its
task, and `/v1/models` reports it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.spec.checks import check_name, check_type
from audiocnn.spec.input import InputSpec, input_from_json, input_to_json
from audiocnn.spec.task import TaskSpec, task_from_json, task_to_json

FORMAT_VERSION = 1
MAIN = ""
"""The name of the main task among `ModelSpec.tasks`."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model in full: architecture and its arguments, input, task, and where it comes from.

    `side_tasks` are answered by the same network beside the main `task`; each has a name of its own.
    `training` holds the provenance (data, recipe, seed, epochs), `metrics` the measured quality; both are reported
    as they are and never read by code.
    """

    name: str
    version: str
    architecture: str
    arguments: Mapping[str, Any]
    input: InputSpec
    task: TaskSpec
    side_tasks: Mapping[str, TaskSpec] = field(default_factory=dict)
    licence: str = "unspecified"
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "version", "architecture", "licence"):
            check_type(name, getattr(self, name), str, "text")
            if not getattr(self, name).strip():
                raise ConfigError(f"{name} must not be empty")
        for name in ("arguments", "training", "metrics"):
            check_type(name, getattr(self, name), Mapping, "an object of names and values")
        for name in self.side_tasks:
            check_name("the name of a side task", name)

    @property
    def tasks(self) -> dict[str, TaskSpec]:
        """All tasks in the order of the network's outputs: the main one, named `MAIN`, then the side tasks by name."""
        return {MAIN: self.task, **{name: self.side_tasks[name] for name in sorted(self.side_tasks)}}

    def to_json(self) -> dict[str, Any]:
        """The specification as plain JSON types, with its `format_version`; side tasks only where there are any."""
        values = dataclasses.asdict(self) | {"input": input_to_json(self.input), "task": task_to_json(self.task)}
        values["side_tasks"] = {name: task_to_json(task) for name, task in self.side_tasks.items()}
        if not self.side_tasks:
            del values["side_tasks"]
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
            side_tasks = values.get("side_tasks", {})
            check_type("side_tasks", side_tasks, Mapping, "an object of names and tasks")
            values["side_tasks"] = {name: task_from_json(task) for name, task in side_tasks.items()}
            return cls(**values)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"config.json does not describe a model: {error}") from error
