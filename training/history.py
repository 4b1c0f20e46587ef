"""What a run keeps of each epoch."""

import json
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from audiocnn.checkpoint import write_atomically
from training.config import Config
from training.distributed import Process
from training.trackers import Tracker, tracker

logger = logging.getLogger(__name__)

METRICS = "metrics.jsonl"


class History:
    """Metrics of each epoch as a line of JSON, for TensorBoard and other trackers, and as a log message.

    epochs: how many the run has done. Lines after them were written just before a crash, by an epoch whose state was
    not saved; they are dropped, for it is trained again. trackers: services to tell as well, by name.
    """

    def __init__(self, run: Path, epochs: int, process: Process, trackers: Sequence[str], config: Config) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # tensorboard's own imports
            from torch.utils.tensorboard import SummaryWriter
        self._path = run / METRICS
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.is_file() else []
        if process.is_first and len(lines) > epochs:
            write_atomically(self._path, b"".join(lines[:epochs]))
        self._trackers = [tracker(name, run, config) for name in trackers if process.is_first]
        self._board = SummaryWriter(str(run / "tensorboard")) if process.is_first else None

    def __enter__(self) -> "History":
        return self

    def write(self, row: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        validation = {f"validation_{name}": value for name, value in row["validation"].items()}
        values = {name: value for name, value in (row | validation).items() if isinstance(value, float)}
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(name, value, row["epoch"])
            self._board.flush()
        self._tell(lambda each: each.write(values, row["epoch"]), f"epoch {row['epoch']}")
        logger.info("%s", json.dumps(row))

    def __exit__(self, *error: object) -> None:
        if self._board:
            self._board.close()
        self._tell(lambda each: each.close(), "the end")

    def _tell(self, how: Callable[[Tracker], None], what: str) -> None:
        for each in self._trackers:
            try:
                how(each)
            except Exception as error:  # whatever a service far away does: the training is worth more
                logger.warning("a tracker could not be told of %s: %s", what, error)
