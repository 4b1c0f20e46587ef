"""Stopping a run between two steps when the machine or its user asks for it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch import distributed

from training.distributed import Process

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):  # noqa: N818  (no error: the run did what it was asked)
    """A run ended early because of `signum`, its state saved after `step` steps."""

    def __init__(self, signum: int, step: int, total_steps: int) -> None:
        super().__init__(signum, step, total_steps)
        self.exit_code = 128 + signum
        self._words = f"stopped by {signal.Signals(signum).name} after step {step} of {total_steps}"

    def __str__(self) -> str:
        return f"{self._words}; the same command goes on from there"


class Stop:
    """The signal that asked this process to stop; 0 for none."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._signum = 0

    def asked(self) -> int:
        """The signal that asked any of the processes, the same answer in all of them: they stop at the same step."""
        if self._process.world_size == 1:
            return self._signum
        highest = torch.tensor(self._signum, device=self._process.device)
        distributed.all_reduce(highest, distributed.ReduceOp.MAX)
        return int(highest)

    def receive(self, signum: int, _: FrameType | None) -> None:
        self._signum = signum
        if self._process.world_size == 1:  # launchers pass on a Ctrl-C that the terminal has sent as well
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def stop_signals(process: Process) -> Iterator[Stop]:
    """SIGTERM and Ctrl-C are noted and kill nothing; a second Ctrl-C does, unless there are several processes.

    Outside of the main thread, where Python allows no handlers, signals keep their effect.
    """
    stop = Stop(process)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {signum: signal.signal(signum, stop.receive) for signum in _SIGNALS}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
