"""Ctrl-C held back for a moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C during the block takes effect at its end, so that what belongs together, such as a row and its count,
    is done as a whole. For the main thread."""
    held = False

    def hold(*_: object) -> None:
        nonlocal held
        held = True

    previous = signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if held:
        signal.raise_signal(signal.SIGINT)
