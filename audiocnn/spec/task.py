"""What a model answers: `TaskSpec`."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from audiocnn.errors import ConfigError
from audiocnn.spec.checks import check_choice, check_number, check_type

TaskKind = Literal["single_label", "multi_label", "binary", "regression"]
Scale = Literal["linear", "log"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What one output of a regression measures.

    unit: as people write it, such as "BPM"; empty for a pure number.
    low, high: the legal range, to which answers are clipped; None where there is no limit.
    mean, deviation: of the training data, or of its logarithms. The network answers in deviations from the mean.
    scale: `linear`, or `log` for values above 0 whose ratios count, such as tempo.
    bins: 0, or how many bins the network gives a score each, evenly over the range on that scale; it can then answer
      one of two values between which it wavers, and not their mean.
    tolerance: relative error below which reports count an answer as right; 0 for no such count.
    """

    unit: str
    low: float | None = None
    high: float | None = None
    mean: float = 0.0
    deviation: float = 1.0
    scale: Scale = "linear"
    bins: int = 0
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        check_type("unit", self.unit, str, "text")
        if self.low is not None:
            check_number("low", self.low, "a finite number, or nothing")
        if self.high is not None:
            above = {} if self.low is None else {"lowest": self.low}
            check_number("high", self.high, f"a finite number above low = {self.low}, or nothing", **above)
        check_number("mean", self.mean, "a finite number")
        check_number("deviation", self.deviation, "a finite number above 0", lowest=0)
        check_choice("scale", self.scale, Scale)
        if self.scale == "log" and self.low is not None and self.low <= 0:
            raise ConfigError(f"low must be above 0 for scale = 'log', got {self.low!r}")
        if type(self.bins) is not int or self.bins < 0 or self.bins == 1:
            raise ConfigError(f"bins must be 0 or a whole number from 2 up, got {self.bins!r}")
        if self.bins and (self.low is None or self.high is None):
            raise ConfigError(f"bins lie between low and high, got {self.low!r} and {self.high!r}")
        check_number("tolerance", self.tolerance, "a finite number from 0 up")
        if self.tolerance < 0:
            raise ConfigError(f"tolerance must be a finite number from 0 up, got {self.tolerance!r}")

    @property
    def middle(self) -> float:
        """The mean in the unit; on a log scale the geometric one."""
        return math.exp(self.mean) if self.scale == "log" else self.mean

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
    temperature: logits are divided by it before they become scores; above 1 these are less certain.
    thresholds: for several labels, the score from which on each is decided for; 0.5 where there are none.
    unknown_below: for a single label, the score of the best one below which none is decided for.
    """

    kind: TaskKind
    labels: tuple[str, ...]
    quantities: tuple[Quantity, ...] = ()
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()
    unknown_below: float = 0.0

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

        check_number("temperature", self.temperature, "a finite number above 0", lowest=0)
        if self.kind == "regression" and self.temperature != 1:
            raise ConfigError(f"a regression has no temperature, got {self.temperature}; leave it out")
        if self.thresholds and (self.kind != "multi_label" or len(self.thresholds) != len(self.labels)):
            raise ConfigError(
                "thresholds must be one for each label of a multi_label task, "
                f"got {len(self.thresholds)} for {len(self.labels)} labels of a {self.kind} task"
            )
        if self.unknown_below and self.kind != "single_label":
            raise ConfigError(f"unknown_below is for a single_label task, got {self.unknown_below} for {self.kind}")
        for name, value in (("unknown_below", self.unknown_below), *(("thresholds", t) for t in self.thresholds)):
            check_number(name, value, "from 0 to 1")
            if not 0 <= value <= 1:
                raise ConfigError(f"{name} must be from 0 to 1, got {value!r}")

    def decided(self, scores: Sequence[float]) -> tuple[str, ...]:
        """The labels to act on, given a score for each.

        Of several labels those that reach their threshold; otherwise the best one, or none for a single label that is
        `unknown_below`. A regression decides nothing.
        """
        if self.kind == "regression":
            return ()
        if self.kind == "multi_label":
            reached = zip(self.labels, scores, self.thresholds or [0.5] * len(self.labels), strict=True)
            return tuple(label for label, score, threshold in reached if score >= threshold)
        best = max(range(len(scores)), key=lambda i: scores[i])
        return (self.labels[best],) if scores[best] >= self.unknown_below else ()

    @property
    def summary(self) -> str:
        """The answers in words, for people."""
        if not self.quantities:
            unknown = f", unknown below {self.unknown_below:g}" if self.unknown_below else ""
            return f"{', '.join(self.labels)} ({self.kind}{unknown})"
        named = zip(self.labels, self.quantities, strict=True)
        return f"{', '.join(f'{label}{quantity.summary}' for label, quantity in named)} ({self.kind})"


def task_to_json(task: TaskSpec) -> dict[str, Any]:
    """The record as plain JSON types; what it may be without is there only where it says something."""
    values = dataclasses.asdict(task)
    optional = {f.name: f.default for f in dataclasses.fields(TaskSpec) if f.default is not dataclasses.MISSING}
    return {name: value for name, value in values.items() if name not in optional or value != optional[name]}


def task_from_json(data: Mapping[str, Any]) -> TaskSpec:
    """What `task_to_json` wrote. Raises `ConfigError`, `KeyError` or `TypeError` for anything else."""
    values = dict(data)
    check_type("labels", values["labels"], (list, tuple), "a list of words")
    quantities = values.get("quantities", ())
    check_type("quantities", quantities, (list, tuple), "a list of objects")
    thresholds = values.get("thresholds", ())
    check_type("thresholds", thresholds, (list, tuple), "a list of numbers")
    values |= {"labels": tuple(values["labels"]), "thresholds": tuple(thresholds)}
    return TaskSpec(**{**values, "quantities": tuple(Quantity(**q) for q in quantities)})
