"""From a finished run to a model to hand out: weights, specification with measured quality, ONNX file."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from audiocnn import checkpoint
from audiocnn.errors import ConfigError
from audiocnn.export import export_onnx
from audiocnn.spec import MAIN, ModelSpec


def publish(model: Path, destination: Path, version: str, crossval: Path | None) -> None:
    """Write the model in the directory `model` to `destination` as `version`.

    crossval: the `crossval.json` of the same recipe; its mean and deviation over folds and seeds become the model's
    metrics, beside those of its calibration. Without it they stay those of the validation split. They are rounded, and
    without what is too long to hand out: confusions and measures of each label.
    An earlier version in `destination` gives way. Raises `CheckpointError` for a damaged model, `ConfigError` for
    results of other tasks or labels, and if `destination` holds this version already or a model of another name.
    """
    spec, network = checkpoint.load_network(model)
    metrics = _short(spec.metrics)
    if crossval is not None:
        metrics.pop("validation", None)
        metrics = _metrics(crossval, spec) | metrics
    if (destination / checkpoint.CONFIG).exists():
        _check_gives_way(checkpoint.read_spec(destination), spec.name, version, destination)
    checkpoint.save(destination, replace(spec, version=version, metrics=metrics), network)
    export_onnx(destination)


def _check_gives_way(there: ModelSpec, name: str, version: str, destination: Path) -> None:
    if there.name != name:
        raise ConfigError(f"{destination} holds another model, {there.name!r}: publish {name!r} to a folder of its own")
    if there.version == version:
        raise ConfigError(
            f"{destination} holds version {version} of {name!r} already, and what was handed out once must not change: "
            "take another --version or folder, or remove that one"
        )


def _short(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {part: _rounded(measured, 4) for part, measured in metrics.items()}


_LONG = ("confusion", "by_label")


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(inner, digits) for name, inner in value.items() if name not in _LONG}
    return round(value, digits) if isinstance(value, float) else value


def _metrics(path: Path, spec: ModelSpec) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text("utf-8"))
        summary, runs = results["summary"], len(results["folds"])
        found = {MAIN: results["labels"], **results.get("side_labels", {})}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not a cross-validation's crossval.json: {error}") from error
    labels = {name: list(task.labels) for name, task in spec.tasks.items()}
    for name in sorted(found.keys() | labels.keys()):
        theirs, ours = found.get(name, []), labels.get(name, [])
        if theirs != ours:
            task = f" of the side task {name!r}" if name != MAIN else ""
            raise ConfigError(
                f"{path} is about the labels {', '.join(theirs) or 'none'}{task}, the model has "
                f"{', '.join(ours) or 'none'}; take the results of its own recipe"
            )
    return {"cross_validation": _rounded(summary, 3) | {"runs": runs}}
