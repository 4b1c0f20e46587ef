"""A long file that other programs see only when it is complete."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO


def part_of(path: Path) -> Path:
    """Where the rows of an unfinished batch lie: `OUT.part` beside `OUT`."""
    target = path.resolve()
    return target.with_name(f"{target.name}.part")


@contextmanager
def complete_binary(path: Path) -> Iterator[BinaryIO]:
    """A stream of bytes to `path`, which gets its name only when the block ends without an error.

    Until then, and after a crash, `path` holds what it held before and the bytes so far lie in `part_of(path)`.
    """
    if path.exists() and not path.is_file():  # replacing /dev/null or a pipe would destroy it
        with path.open("wb") as stream:
            yield stream
        return
    part = part_of(path)
    with part.open("wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, path.resolve())


@contextmanager
def complete_file(path: Path) -> Iterator[TextIO]:
    """A text stream to `path`, in UTF-8, which becomes complete as that of `complete_binary` does."""
    with complete_binary(path) as binary:
        stream = io.TextIOWrapper(binary, encoding="utf-8")
        try:
            yield stream
        finally:
            stream.flush()
