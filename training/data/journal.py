"""A file of JSON objects, one a line, that only grows: what was written stays whatever ends the program."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """The journal at `path`, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[Entry]:
        """What is written, oldest first. A line that a crash or a full disk left unfinished, or a damaged one, is none.

        Needs no lock: another process may be writing.
        """
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines[:-1]:  # the last one has no end: it is empty or being written
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry

    @contextmanager
    def writing(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """A function that appends an entry. One process at a time gets it; others wait, and should read again then.

        Raises `OSError` if the entry cannot be written.
        """
        with self._path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # falls with the process, however that ends
            size = os.fstat(file.fileno()).st_size
            if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
                file.write(b"\n")  # an unfinished line must not swallow the next entry

            def append(entry: Mapping[str, Any]) -> None:
                line = json.dumps(entry).encode() + b"\n"
                if file.write(line) < len(line):
                    raise OSError("the disk is full")

            yield append
