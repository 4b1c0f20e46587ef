"""From a finished run to a model to hand out: weights, specification with measured quality, ONNX file."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from audiocnn import checkpoint
from audiocnn.errors import ConfigError
from audiocnn.export import export_onnx


def publish(model: Path, destination: Path, version: str, crossval: Path | None) -> None:
    """Write the model in the directory `model` to `destination` as `version`.

    crossval: the `crossval.json` of the same recipe; its mean and deviation over folds and seeds become the model's
    metrics, beside those of its calibration. Without it they stay those of the validation split. They are rounded, and
    without what is too long to hand out: confusions and measures of each label.
    Raises `CheckpointError` for a damaged model, `ConfigError` for results of another set of labels.
    """
    spec, network = checkpoint.load_network(model)
    metrics = _short(spec.metrics)
    if crossval is not None:
        metrics.pop("validation", None)
        metrics = _metrics(crossval, spec.task.labels) | metrics
    checkpoint.save(destination, replace(spec, version=version, metrics=metrics), network)
    export_onnx(destination)


def _short(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {part: _rounded(measured, 4) for part, measured in metrics.items()}


_LONG = ("confusion", "by_label")


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(inner, digits) for name, inner in value.items() if name not in _LONG}
    return round(value, digits) if isinstance(value, float) else value


def _metrics(path: Path, labels: tuple[str, ...]) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text("utf-8"))
        summary, found = results["summary"], tuple(results["labels"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is not a cross-validation's crossval.json: {error}") from error
    if found != labels:
        raise ConfigError(f"{path} is about the labels {', '.join(found)}, the model has {', '.join(labels)}")
    return {"cross_validation": _rounded(summary, 3) | {"runs": len(results["folds"])}}
