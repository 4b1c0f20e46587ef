"""Ctrl-C and SIGTERM: both end a command in good order, and can be held back for a moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):  # a request, not an error, as its base
    """The process got SIGTERM."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """SIGTERM during the block raises `Terminated`, as Ctrl-C raises `KeyboardInterrupt`. For the main thread."""

    def terminate(*_: object) -> None:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C and SIGTERM during the block take effect at its end, so that what belongs together, such as a row and its
    count, is done as a whole. For the main thread."""
    held: list[int] = []

    def hold(number: int, _: object) -> None:
        held.append(number)

    previous = {number: signal.signal(number, hold) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if held:
        signal.raise_signal(held[0])
