"""CSV, flushed after every file, so that a reader on a pipe sees a row as soon as it is known."""

import csv
import os
from collections.abc import Iterator
from typing import Any, TextIO

from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.formats.streams import for_rows
from audiocnn.batch.result import FileResult, duration_s
from audiocnn.spec import MAIN


class CsvWriter:
    """One row for each file, or with segments one for each window; a file that failed has one row with its error.

    Lines end in CRLF (RFC 4180), without which Python leaves a carriage return in a file name unquoted.
    The header has `label,score,label_2,score_2,...` up to `top_k` pairs, of a regression `label,value,unit` for each
    quantity; missing predictions leave their cells empty. Then come those of side tasks, `NAME_label,NAME_score,...`.
    """

    def __init__(self, stream: TextIO, selection: Selection) -> None:
        self._stream = for_rows(stream)
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
