"""Stopping a run between two steps when the machine or its user asks for it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):  # noqa: N818  (no error: the run did what it was asked)
    """A run ended early because of `signum`; `when` says how far it had come, such as "after step 3 of 9"."""

    def __init__(self, signum: int, when: str) -> None:
        super().__init__(signum, when)
        self.exit_code = 128 + signum
        self._words = f"stopped by {signal.Signals(signum).name} {when}"

    def __str__(self) -> str:
        return f"{self._words}; the same command goes on from there"


class Stop:
    """`signum`: the signal that asked this process to stop; 0 for none."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self.signum = 0

    def receive(self, signum: int, _: FrameType | None) -> None:
        self.signum = signum
        if self._alone:  # launchers pass on a Ctrl-C that the terminal has sent as well
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def stop_signals(*, alone: bool) -> Iterator[Stop]:
    """SIGTERM and Ctrl-C are noted and kill nothing; a second Ctrl-C does where this process trains `alone`.

    Outside of the main thread, where Python allows no handlers, signals keep their effect.
    """
    stop = Stop(alone=alone)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {signum: signal.signal(signum, stop.receive) for signum in SIGNALS}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
