"""What a run keeps of each epoch."""

import json
import logging
import warnings
from pathlib import Path
from typing import Any

from audiocnn.checkpoint import write_atomically
from training.distributed import Process

logger = logging.getLogger(__name__)

METRICS = "metrics.jsonl"


class History:
    """Metrics of each epoch as a line of JSON, for TensorBoard, and as a log message.

    epochs: how many the run has done. Lines after them were written just before a crash, by an epoch whose state was
    not saved; they are dropped, for it is trained again.
    """

    def __init__(self, run: Path, epochs: int, process: Process) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # tensorboard's own imports
            from torch.utils.tensorboard import SummaryWriter
        self._path = run / METRICS
        lines = self._path.read_bytes().splitlines(keepends=True) if self._path.is_file() else []
        if process.is_first and len(lines) > epochs:
            write_atomically(self._path, b"".join(lines[:epochs]))
        self._board = SummaryWriter(str(run / "tensorboard")) if process.is_first else None

    def __enter__(self) -> "History":
        return self

    def write(self, row: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if self._board:
            validation = {f"validation_{name}": value for name, value in row["validation"].items()}
            for name, value in (row | validation).items():
                if isinstance(value, float):
                    self._board.add_scalar(name, value, row["epoch"])
        logger.info("%s", json.dumps(row))

    def __exit__(self, *error: object) -> None:
        if self._board:
            self._board.close()
