"""Text streams as rows need them."""

import io
from typing import TextIO


def for_rows(stream: TextIO) -> TextIO:
    """`stream` in UTF-8 with no change of line ends, whatever the locale and the platform say.

    A file name that is not UTF-8 keeps its stray bytes as `\\udcXX`, which JSON parsers turn back into the same name.
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    return stream
