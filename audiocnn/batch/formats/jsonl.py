"""JSON Lines, flushed after every file, so that a reader on a pipe sees a row as soon as it is known."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from audiocnn.batch.complete_file import complete_file
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.formats.streams import for_rows
from audiocnn.batch.result import FileResult


class JsonlWriter:
    """One JSON object on a line for each file: the body of `POST /classify` with `path` and `status`."""

    def __init__(self, stream: TextIO, selection: Selection) -> None:
        self._stream = for_rows(stream)
        self._selection = selection

    def write(self, file: FileResult) -> None:
        row = self._selection.row(file)
        self._stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
        self._stream.flush()


@contextmanager
def open_jsonl(path: Path, selection: Selection) -> Iterator[JsonlWriter]:
    with complete_file(path) as stream:
        yield JsonlWriter(stream, selection)
