"""The three standard streams, made fit for long runs: whatever is closed, and whatever becomes of the terminal."""

import io
import os
import sys
from contextlib import suppress


def prepare_streams() -> None:
    """Opens streams that the caller closed, and lets no message end a run. For the beginning of a process.

    A closed standard output stays one that cannot be written to, which is an error only where rows should go there.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), "r")
    if sys.stdout is None:
        unwritable = io.FileIO(os.open(os.devnull, os.O_RDONLY), "w")  # writing gives the error of a closed file
        sys.stdout = io.TextIOWrapper(unwritable, write_through=True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    elif isinstance(messages := sys.stderr, io.TextIOWrapper):  # not that of a notebook
        sys.stderr = _Messages(messages.buffer, messages.encoding, messages.errors, line_buffering=True)


class _Messages(io.TextIOWrapper):
    """Drops what nobody can take: the disk of a log is full, a reader has left, a terminal is gone."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()
