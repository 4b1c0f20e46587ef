"""`audiocnn classify` with a decoder that hangs or crashes on files made for it: `python -m tests.batch.misbehaving`.

Such a file is one of FLAC's with `HANG` or `CRASH` where its first block should be.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from audiocnn.audio import isolated
from audiocnn.isolation.messages import Message

HANGS, CRASHES = b"fLaCHANG".ljust(64, b"\0"), b"fLaCCRASH".ljust(64, b"\0")
BLOCK_S = "TEST_BLOCK_S"
"""Names the variable of the environment that says how long a decoder may take for a block."""

_decode_sound = isolated.decode_sound


def decode(file: BinaryIO, start: int, format: str, limits: dict[str, Any]) -> Iterator[Message]:
    file.seek(start)
    head = file.read(9)
    if head.startswith(b"fLaCHANG"):
        time.sleep(3600)
    if head.startswith(b"fLaCCRASH"):
        ctypes.string_at(0)
    yield from _decode_sound(file, start, format, limits)


def install() -> None:
    """From now on, decoder children of this process misbehave."""
    # Run as a script this module has another name, and a child would not find it by that.
    from tests.batch import misbehaving

    isolated.decode_sound = misbehaving.decode


def main() -> None:
    from audiocnn.batch import one_file
    from audiocnn.cli import main as command_line
    from audiocnn.isolation.pool import ChildLimits

    install()
    if BLOCK_S in os.environ:
        one_file.CHILD_LIMITS = ChildLimits(block_s=float(os.environ[BLOCK_S]))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[0] = "audiocnn"
    command_line.main()


if __name__ == "__main__":
    main()
