"""Several trainings at once, each in a process of its own, which end together."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, TypeVar

from training.stopping import SIGNALS, Stopped

Result = TypeVar("Result")


class JobLost(Exception):  # noqa: N818  (whoever knows what the job was makes an error of it)
    """The process of a job ended without a result. index: of the call. The words say how it ended."""

    def __init__(self, index: int, exit_code: int) -> None:
        super().__init__(index, exit_code)
        self.index = index
        killed = f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else ""
        self._words = killed or f"ended with exit code {exit_code}"

    def __str__(self) -> str:
        return self._words


def run_jobs(calls: Sequence[Callable[[], Result]], jobs: int) -> list[Result]:
    """The results of `calls`, in their order; at most `jobs` of them at once.

    After SIGTERM or Ctrl-C, or when one of them fails, no other one begins, and those at work get a SIGTERM and are
    waited for. Raises `Stopped` then, or what the one raised, or `JobLost` if its process was killed.
    """
    results: dict[int, Result] = {}
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    waiting = deque(enumerate(calls))
    try:
        with _raised_signals():
            while waiting or running:
                while waiting and len(running) < jobs:
                    index, call = waiting.popleft()
                    with _held_back_signals():
                        connection, process = _begin(call)
                        running[connection] = index, process
                ready = wait(list(running))
                for connection in [connection for connection in running if connection in ready]:
                    index, process = running[connection]
                    results[index] = _result(connection, index, process)
                    del running[connection]
    except BaseException as error:
        for _, process in running.values():
            process.terminate()
        for connection, (_, process) in running.items():
            with suppress(EOFError, OSError):
                connection.recv_bytes()  # nobody wants it, but the process ends when it is rid of it
            process.join()
        if isinstance(error, _Signal):
            raise Stopped(error.signum, f"with {len(results)} of {len(calls)} trainings done") from None
        raise
    return [results[index] for index in range(len(calls))]


def _begin(call: Callable[[], Result]) -> tuple[Connection, SpawnProcess]:
    """A process at work on `call`, and where its result will come from."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(call, theirs))
    process.start()
    theirs.close()  # or the pipe would not end with the process
    return ours, process


def _result(connection: Connection, index: int, process: SpawnProcess) -> Any:
    """What the call returned. Raises what it raised, and `JobLost`."""
    try:
        returned, value = connection.recv()
    except (EOFError, OSError):
        process.join()
        raise JobLost(index, process.exitcode or 0) from None
    if not returned:
        raise value
    process.join()
    return value


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


@contextmanager
def _held_back_signals() -> Iterator[None]:
    """Signals come later: a process that begins is noted before, and inherits that they wait until it is ready."""
    resource_tracker.ensure_running()  # it lets them in when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(call: Callable[[], Result], connection: Connection) -> None:
    """Send what `call` returns or raises. SIGTERM ends it, unless it handles that itself; Ctrl-C is for who waits.

    The process ends when the one that started it does, however that ended: nobody would take its result.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def receive(signum: int, _: FrameType | None) -> None:
        raise Stopped(signum, "in a job")

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, receive)
    outcome: tuple[bool, Result | Exception]
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        outcome = True, call()
    except Exception as error:
        error.add_note(traceback.format_exc())  # where it was raised does not travel with it
        outcome = False, error
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection.send(outcome)


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)
