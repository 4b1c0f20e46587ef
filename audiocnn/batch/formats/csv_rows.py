"""CSV for spreadsheets, flushed after every file, so that a reader on a pipe sees a row as soon as it is known."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from audiocnn.batch.complete_file import complete_file
from audiocnn.batch.formats.cells import columns, rows
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.formats.streams import for_rows
from audiocnn.batch.result import FileResult


class CsvWriter:
    """The rows of `cells.rows` under a header with the names of `cells.columns`.

    Lines end in CRLF (RFC 4180), without which Python leaves a carriage return in a file name unquoted. What is missing
    leaves its cell empty; several labels or warnings in one cell stand between `; `.
    """

    def __init__(self, stream: TextIO, selection: Selection) -> None:
        self._stream = for_rows(stream)
        self._selection = selection
        self._csv = csv.DictWriter(stream, columns(selection), restval="")
        self._csv.writeheader()
        self._stream.flush()

    def write(self, file: FileResult) -> None:
        for row in rows(file, self._selection):
            row["path"] = _not_a_formula(row["path"])
            self._csv.writerow({name: _in_a_cell(value) for name, value in row.items()})
        self._stream.flush()


@contextmanager
def open_csv(path: Path, selection: Selection) -> Iterator[CsvWriter]:
    with complete_file(path) as stream:
        yield CsvWriter(stream, selection)


def _in_a_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "; ".join(value) if isinstance(value, list) else value


def _not_a_formula(path: str) -> str:
    """The same file by a name that no spreadsheet runs: a path that starts like a formula starts with `./` instead."""
    return os.path.join(os.curdir, path) if path.startswith(("=", "+", "-", "@", "\t", "\r")) else path
