"""Where a file to classify comes from: bytes in memory or a path."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from audiocnn.errors import ConfigError, UnreadableFileError
from audiocnn.limits import DecodeLimits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

Source = bytes | bytearray | memoryview | str | os.PathLike[str]
"""An encoded file in memory, or the path of one."""


def open_source(source: Source, limits: DecodeLimits) -> BinaryIO:
    """The encoded bytes as a binary file to read from.

    Raises `FileTooLargeError` for too many bytes, `UnreadableFileError` for a path that cannot be opened or read,
    `ConfigError` for a source of another type.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        limits.check_bytes(len(source))
        return io.BytesIO(source)
    if not isinstance(source, (str, os.PathLike)):
        raise ConfigError(f"expected the path of a file or its bytes, got {type(source).__name__}")
    path = Path(source)
    name = path.name or f"'{source}'"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError(f"{name} is not a regular file; give a file, or the bytes themselves")
        limits.check_bytes(status.st_size)
        return readable(path, name)
    except OSError as error:
        raise UnreadableFileError(f"cannot read {name}: {error.strerror}") from error


def readable(file: Path | int, name: str) -> BinaryIO:
    """A file, or a descriptor of one, which raises `UnreadableFileError` where the disk fails or a share is gone: that
    says nothing about what is in it. name: what to call it then."""
    return io.BufferedReader(_Readable(file, name))


class _Readable(io.FileIO):
    def __init__(self, file: Path | int, name: str) -> None:
        super().__init__(file)
        self._called = name

    def readinto(self, buffer: "Buffer", /) -> int | None:
        with self._failures_named():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        with self._failures_named():
            return super().readall()

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreadableFileError(f"cannot read {self._called}: {error.strerror}") from error
