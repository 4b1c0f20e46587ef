"""What a model answers: `TaskSpec`."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from audiocnn.errors import ConfigError
from audiocnn.spec.checks import check_choice, check_number, check_type

TaskKind = Literal["single_label", "multi_label", "binary", "regression"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What one output of a regression measures.

    unit: as people write it, such as "BPM"; empty for a pure number.
    low, high: the legal range, to which answers are clipped; None where there is no limit.
    mean, deviation: of the training data. The network answers in deviations from the mean.
    """

    unit: str
    low: float | None = None
    high: float | None = None
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        check_type("unit", self.unit, str, "text")
        if self.low is not None:
            check_number("low", self.low, "a finite number, or nothing")
        if self.high is not None:
            above = {} if self.low is None else {"lowest": self.low}
            check_number("high", self.high, f"a finite number above low = {self.low}, or nothing", **above)
        check_number("mean", self.mean, "a finite number")
        check_number("deviation", self.deviation, "a finite number above 0", lowest=0)

    @property
    def summary(self) -> str:
        """Unit and legal range as they follow the name, for people."""
        unit = f" in {self.unit}" if self.unit else ""
        low, high = (
            "" if limit is None else f" {word} {limit:g}" for word, limit in (("from", self.low), ("to", self.high))
        )
        return f"{unit}{low}{high}"


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What the outputs mean (see `audiocnn.nn.heads`).

    kind: `single_label`, one of the labels is true; `multi_label`, any number of them are; `binary`, one question with
      the labels of no and yes, in that order; `regression`, the labels are the names of `quantities`.
    quantities: for a regression, one for each label.
    """

    kind: TaskKind
    labels: tuple[str, ...]
    quantities: tuple[Quantity, ...] = ()

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, TaskKind)
        if not all(isinstance(label, str) and label for label in self.labels):
            raise ConfigError(f"labels must be words, got {list(self.labels)}")
        if len(self.labels) < (2 if self.kind == "single_label" else 1):
            raise ConfigError(f"a {self.kind} task needs more labels than {list(self.labels)}")
        if self.kind == "binary" and len(self.labels) != 2:
            raise ConfigError(
                f"a binary task needs 2 labels, of no and of yes, got {list(self.labels)}; "
                "for more answers set kind = 'single_label'"
            )
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError(f"labels must differ from one another, got {list(self.labels)}")
        if self.kind != "regression" and self.quantities:
            raise ConfigError(f"a {self.kind} task has no quantities, got {len(self.quantities)}; leave them out")
        if self.kind == "regression" and len(self.quantities) != len(self.labels):
            raise ConfigError(
                f"a regression task needs a quantity for each label, got {len(self.quantities)} for {list(self.labels)}"
            )

    @property
    def summary(self) -> str:
        """The answers in words, for people."""
        if not self.quantities:
            return f"{', '.join(self.labels)} ({self.kind})"
        named = zip(self.labels, self.quantities, strict=True)
        return f"{', '.join(f'{label}{quantity.summary}' for label, quantity in named)} ({self.kind})"


def task_to_json(task: TaskSpec) -> dict[str, Any]:
    """The record as plain JSON types, quantities only where there are any."""
    values = dataclasses.asdict(task)
    if not task.quantities:
        del values["quantities"]
    return values


def task_from_json(data: Mapping[str, Any]) -> TaskSpec:
    """What `task_to_json` wrote. Raises `ConfigError`, `KeyError` or `TypeError` for anything else."""
    values = dict(data)
    check_type("labels", values["labels"], (list, tuple), "a list of words")
    quantities = values.get("quantities", ())
    check_type("quantities", quantities, (list, tuple), "a list of objects")
    return TaskSpec(
        **{**values, "labels": tuple(values["labels"]), "quantities": tuple(Quantity(**q) for q in quantities)}
    )
