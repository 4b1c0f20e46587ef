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
            cells = {name: _in_a_cell(value) for name, value in row.items()}
            if _is_formula(cells["path"]):
                cells["path"] = os.path.join(os.curdir, cells["path"])  # the same file
            if _is_formula(cells.get("tag_before", "")):
                cells["tag_before"] = f"'{cells['tag_before']}"  # as spreadsheets mark text; it came out of the file
            self._csv.writerow(cells)
        self._stream.flush()


@contextmanager
def open_csv(path: Path, selection: Selection) -> Iterator[CsvWriter]:
    with complete_file(path) as stream:
        yield CsvWriter(stream, selection)


def _in_a_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "; ".join(value) if isinstance(value, list) else value


def _is_formula(cell: str) -> bool:
    """Whether a spreadsheet would run it."""
    return cell.startswith(("=", "+", "-", "@", "\t", "\r"))
