"""Services that people follow runs with, told of each epoch beside the files of a run: MLflow and Weights & Biases."""

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import MissingExtraError
from training.config import Config

IDS = "trackers.json"


class Tracker(ABC):
    """A run as one service knows it: the same one again when the run goes on."""

    @abstractmethod
    def write(self, values: Mapping[str, float], epoch: int) -> None:
        """Tell the metrics of an epoch."""

    @abstractmethod
    def close(self) -> None:
        """Tell that no more will come."""


class _Mlflow(Tracker):
    def __init__(self, run: Path, config: Config) -> None:
        self._mlflow = _module("mlflow")
        self._mlflow.set_experiment(config.name)
        known = _known(run, "mlflow")
        started = self._mlflow.start_run(run_id=known) if known else self._mlflow.start_run(run_name=run.name)
        if not known:
            self._mlflow.log_params(_flat(config.to_json()))
            _remember(run, "mlflow", started.info.run_id)

    def write(self, values: Mapping[str, float], epoch: int) -> None:
        self._mlflow.log_metrics(dict(values), step=epoch)

    def close(self) -> None:
        self._mlflow.end_run()


class _WeightsAndBiases(Tracker):
    def __init__(self, run: Path, config: Config) -> None:
        known = _known(run, "wandb")
        self._run = _module("wandb").init(
            project=config.name, name=run.name, dir=str(run), id=known, resume="allow", config=config.to_json()
        )
        if not known:
            _remember(run, "wandb", self._run.id)

    def write(self, values: Mapping[str, float], epoch: int) -> None:
        self._run.log(dict(values), step=epoch)

    def close(self) -> None:
        self._run.finish()


_TRACKERS: dict[str, type[_Mlflow | _WeightsAndBiases]] = {"mlflow": _Mlflow, "wandb": _WeightsAndBiases}
TRACKERS = tuple(_TRACKERS)


def require(names: Iterable[str]) -> None:
    """Raises `MissingExtraError` for a tracker whose package is not installed."""
    for name in names:
        _module(name)


def tracker(name: str, run: Path, config: Config) -> Tracker:
    """The tracker `name`, one of `TRACKERS`. Raises `MissingExtraError` if its package is not installed."""
    return _TRACKERS[name](run, config)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"--log {name} needs the package {name}: pip install {name}") from error


def _known(run: Path, name: str) -> str | None:
    """The run's name in a service that was told of it before."""
    ids = json.loads((run / IDS).read_text("utf-8")) if (run / IDS).is_file() else {}
    known: str | None = ids.get(name)
    return known


def _remember(run: Path, name: str, known: str) -> None:
    ids = json.loads((run / IDS).read_text("utf-8")) if (run / IDS).is_file() else {}
    write_atomically(run / IDS, json.dumps(ids | {name: known}).encode())


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A table of tables as one, with names such as `train.lr`."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat
