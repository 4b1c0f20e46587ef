"""From a finished run to a model to hand out: weights, specification with measured quality, ONNX file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from audiocnn import checkpoint
from audiocnn.errors import ConfigError
from audiocnn.export import export_onnx


def publish(model: Path, destination: Path, version: str, crossval: Path | None) -> None:
    """Write the model in the directory `model` to `destination` as `version`.

    crossval: the `crossval.json` of the same recipe; its mean and deviation over folds and seeds become the model's
    metrics. Raises `CheckpointError` for a damaged model, `ConfigError` for results of another set of labels.
    """
    spec, network = checkpoint.load_network(model)
    metrics = spec.metrics if crossval is None else _metrics(crossval, spec.task.labels)
    checkpoint.save(destination, replace(spec, version=version, metrics=metrics), network)
    export_onnx(destination)


def _metrics(path: Path, labels: tuple[str, ...]) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text("utf-8"))
        summary, found = results["summary"], tuple(results["labels"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is not a cross-validation's crossval.json: {error}") from error
    if found != labels:
        raise ConfigError(f"{path} is about the labels {', '.join(found)}, the model has {', '.join(labels)}")
    rounded = {
        name: {key: round(number, 3) for key, number in value.items()}
        for name, value in summary.items()
        if name != "confusion"
    }
    return {"cross_validation": rounded | {"runs": len(results["folds"])}}
