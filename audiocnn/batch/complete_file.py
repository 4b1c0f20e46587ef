"""A long file that other programs see only when it is complete."""

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO


@contextmanager
def complete_binary(path: Path) -> Iterator[BinaryIO]:
    """A stream of bytes to `path`, which gets its name only when the block ends without an error.

    Until then, and after an error, `path` holds what it held before. What is written meanwhile lies in `OUT.part`
    beside it, which only a crash leaves behind, and the next run replaces. Who may read `path` may read what follows.
    """
    if path.exists() and not path.is_file():  # replacing /dev/null or a pipe would destroy it
        with path.open("wb") as stream:
            yield stream
        return
    target = path.resolve()
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as stream:
            if target.exists():
                shutil.copymode(target, part)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def complete_file(path: Path) -> Iterator[TextIO]:
    """A text stream to `path`, in UTF-8, which becomes complete as that of `complete_binary` does."""
    with complete_binary(path) as binary:
        stream = io.TextIOWrapper(binary, encoding="utf-8")
        try:
            yield stream
        finally:
            stream.flush()
