"""Results of other methods on the same data, to stand beside the model's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audiocnn.errors import ConfigError
from training.report.document import number

_REMEDY = "give a file with what `python -m training baseline` prints"


@dataclass(frozen=True, slots=True)
class Baseline:
    """labels: what it answers. metrics: mean and deviation over folds, by the names that `measure` gives them."""

    name: str
    labels: tuple[str, ...]
    metrics: Mapping[str, tuple[float, float]]

    def text(self, metric: str) -> str:
        if metric not in self.metrics:
            return number(None)
        mean, deviation = self.metrics[metric]
        return f"{number(mean)} ± {number(deviation)}"


def read_baseline(path: Path) -> Baseline:
    """What `python -m training baseline` printed, kept in a file; the `crossval.json` of another recipe will do too.

    Raises `ConfigError` for anything else.
    """
    try:
        results = json.loads(path.read_text("utf-8"))
        metrics = {
            name: (float(value["mean"]), float(value["deviation"]))
            for name, value in results["summary"].items()
            if isinstance(value, dict) and "mean" in value
        }
        found = Baseline(str(results["name"]), tuple(results["labels"]), metrics)
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is no baseline's JSON: {error}; {_REMEDY}") from error
    if not metrics:
        raise ConfigError(f"{path} has no metric with mean and deviation; {_REMEDY}")
    return found
