"""Standard error for our own words only."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def without_codec_noise() -> Iterator[None]:
    """Inside, C libraries write to nowhere what they send to file descriptor 2, and `sys.stderr` works as before.

    libsndfile's MP3 decoder reports frames there, of sound files too: thousands of lines over a music collection, in
    the middle of the progress bar.
    """
    try:
        saved = os.dup(2)
    except OSError:  # closed: nothing to keep clean
        yield
        return
    before = sys.stderr
    writes_to_2 = _descriptor(before) == 2
    if writes_to_2:
        sys.stderr = os.fdopen(saved, "w", 1, before.encoding, before.errors, closefd=False)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        sys.stderr = before
        os.close(nowhere)
        os.close(saved)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:  # in memory
        return None
