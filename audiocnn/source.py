"""Where a file to classify comes from: bytes in memory or a path."""

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO

from audiocnn.errors import ConfigError, UnreadableFileError
from audiocnn.limits import DecodeLimits

Source = bytes | bytearray | memoryview | str | os.PathLike[str]
"""An encoded file in memory, or the path of one."""


def open_source(source: Source, limits: DecodeLimits) -> BinaryIO:
    """The encoded bytes as a binary file to read from.

    Raises `FileTooLargeError` for too many bytes, `UnreadableFileError` for a path that cannot be opened,
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
        return path.open("rb")
    except OSError as error:
        raise UnreadableFileError(f"cannot read {name}: {error.strerror}") from error
