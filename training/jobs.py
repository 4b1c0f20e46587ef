"""Several trainings at once, each in a process of its own, which end together."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from training.stopping import SIGNALS, Stopped

Result = TypeVar("Result")


def run_jobs(calls: Sequence[Callable[[], Result]], jobs: int) -> list[Result]:
    """The results of `calls`, in their order; at most `jobs` of them at once.

    After SIGTERM or Ctrl-C, or when one of them fails, no other one begins, and those at work get a SIGTERM and are
    waited for. Raises `Stopped` then, or what the one raised.
    """
    context = multiprocessing.get_context("spawn")
    results: dict[int, Result] = {}
    running: dict[Future[Result], int] = {}
    with ProcessPoolExecutor(jobs, context, initializer=_start) as pool:
        try:
            with _raised_signals():
                for index, call in enumerate(calls):  # handed out one by one: the pool would begin some it was given
                    running[pool.submit(_stoppable, call)] = index
                    while len(running) == jobs or (running and index == len(calls) - 1):
                        for done in wait(running, return_when=FIRST_COMPLETED).done:
                            results[running.pop(done)] = done.result()
        except BaseException as error:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown()
            if isinstance(error, _Signal):
                raise Stopped(error.signum, f"with {len(results)} of {len(calls)} trainings done") from None
            raise
    return [results[index] for index in range(len(calls))]


class _Signal(Exception):  # noqa: N818  (asked for, and no error)
    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


@contextmanager
def _raised_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C raise `_Signal`, once: the next kills. Outside of the main thread they keep their effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}

    def restore() -> None:
        for signum, handler in before.items():
            signal.signal(signum, handler)

    def receive(signum: int, _: FrameType | None) -> None:
        restore()
        raise _Signal(signum)

    for signum in SIGNALS:
        signal.signal(signum, receive)
    try:
        yield
    finally:
        restore()


def _start() -> None:
    """Prepare this process: signals concern the jobs alone, for a pool waits for ever where a process of it is killed.

    It ends when the one that started it does, however that ended: nobody would take its results.
    """
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)

    def end() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


def _stoppable(call: Callable[[], Result]) -> Result:
    """What `call` returns. A SIGTERM ends it, unless it handles that itself; Ctrl-C is for the process that waits."""

    def receive(signum: int, _: FrameType | None) -> None:
        raise Stopped(signum, "in a job")

    signal.signal(signal.SIGTERM, receive)
    try:
        return call()
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
