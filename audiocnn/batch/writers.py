"""Rows for programs: JSON Lines and CSV.

Both are UTF-8 and flushed after every file, so a reader on a pipe sees a row as soon as it is known. A file name that
is not UTF-8 keeps its stray bytes as `\\udcXX`, which JSON parsers turn back into the same name.
"""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from audiocnn.batch.result import FileResult, duration_s
from audiocnn.spec import MAIN, TaskSpec


@dataclass(frozen=True, slots=True)
class Selection:
    """What to write of a result: the best `top_k` predictions with at least `threshold` score, and whether to add the
    answer for each window.

    columns: of a table, in their order: a task's name, the rank of an answer, and the field of it.
    """

    top_k: int
    threshold: float = 0.0
    segments: bool = False
    columns: tuple[tuple[str, int, str], ...] = ()

    @classmethod
    def of(cls, tasks: Mapping[str, TaskSpec], top_k: int, threshold: float, segments: bool) -> "Selection":
        """What a model for `tasks` has to say: at most a prediction for each label, of a regression every estimate."""
        columns = []
        for name, task in tasks.items():
            estimates = task.kind == "regression"
            count = len(task.labels) if estimates else min(top_k, len(task.labels))
            fields = ("label", "value", "unit") if estimates else ("label", "score")
            columns += [(name, rank, field) for rank in range(count) for field in fields]
        return cls(top_k, threshold, segments, tuple(columns))

    def row(self, file: FileResult) -> dict[str, Any]:
        return file.to_json(top_k=self.top_k, threshold=self.threshold, segments=self.segments)


class Writer(Protocol):
    """Writes one file's result after another."""

    def write(self, file: FileResult) -> None: ...


class JsonlWriter:
    """One JSON object on a line for each file: the body of `POST /classify` with `path` and `status`."""

    def __init__(self, stream: TextIO, selection: Selection) -> None:
        self._stream = _for_rows(stream)
        self._selection = selection

    def write(self, file: FileResult) -> None:
        row = self._selection.row(file)
        self._stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        self._stream.flush()


class CsvWriter:
    """One row for each file, or with segments one for each window; a file that failed has one row with its error.

    Lines end in CRLF (RFC 4180), without which Python leaves a carriage return in a file name unquoted.
    The header has `label,score,label_2,score_2,...` up to `top_k` pairs, of a regression `label,value,unit` for each
    quantity; missing predictions leave their cells empty. Then come those of side tasks, `NAME_label,NAME_score,...`.
    """

    def __init__(self, stream: TextIO, selection: Selection) -> None:
        self._stream = _for_rows(stream)
        self._selection = selection
        self._csv = csv.DictWriter(stream, self._columns(), restval="")
        self._csv.writeheader()
        self._stream.flush()

    def write(self, file: FileResult) -> None:
        self._csv.writerows(self._rows(self._selection.row(file)))
        self._stream.flush()

    def _columns(self) -> list[str]:
        spans = ["start_s", "end_s", "silent"] if self._selection.segments else []
        answers = [_column(*column) for column in self._selection.columns]
        return ["path", "status", "duration_s", *spans, *answers, "error_code", "error", "warnings"]

    def _rows(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        cells: dict[str, Any] = {"path": _not_a_formula(row["path"]), "status": row["status"]}
        if row["status"] == "error":
            yield cells | {"error_code": row["error"]["code"], "error": row["error"]["detail"]}
            return
        cells |= {"duration_s": duration_s(row), "warnings": "; ".join(row["warnings"])}  # None is an empty cell
        if not row.get("segments"):
            yield cells | _ranked(row)
            return
        for segment in row["segments"]:
            span = {"start_s": segment["start_s"], "end_s": segment["end_s"]}
            silent = {"silent": "true" if segment["silent"] else "false"}
            yield cells | span | silent | _ranked(segment)


def _for_rows(stream: TextIO) -> TextIO:
    """`stream` as rows need it, whatever the locale and the platform say."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    return stream


def _column(task: str, rank: int, field: str) -> str:
    name = f"{task}_{field}" if task else field
    return name if rank == 0 else f"{name}_{rank + 1}"


def _ranked(answer: dict[str, Any]) -> dict[str, Any]:
    tasks: dict[str, list[dict[str, Any]]] = {MAIN: answer["predictions"], **answer.get("side", {})}
    return {
        _column(task, rank, field): value
        for task, predictions in tasks.items()
        for rank, prediction in enumerate(predictions)
        for field, value in prediction.items()
    }


def _not_a_formula(path: str) -> str:
    """The same file by a name that no spreadsheet runs: a path that starts like a formula starts with `./` instead."""
    return os.path.join(os.curdir, path) if path.startswith(("=", "+", "-", "@", "\t", "\r")) else path
