"""Ctrl-C, SIGTERM and the end of a terminal: they end a command in good order, and can be held back for a moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stops:
    """Each of the signals raises `KeyboardInterrupt` during the block, but for those that the process is to ignore, as
    below `nohup` and in the background of a script. For the main thread.

    number: the signal that came last. A library may have made another error of its interrupt, as onnxruntime does.
    """

    number: int | None = None

    def __enter__(self) -> Self:
        heard = [number for number in _STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
        self._previous: dict[signal.Signals, Any] = {number: signal.signal(number, self._stop) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _stop(self, number: int, _: object) -> None:
        self.number = number
        raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """The signals take effect at the end of the block, so that what belongs together, such as a row and its count, is
    done as a whole. For the main thread."""
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
