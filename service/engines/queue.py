"""Files that wait for a thread: a bounded queue that forgets those whose client has gone."""

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from service.errors import DeadlineExceededError, OverloadedError

T = TypeVar("T")

MAX_RETRY_AFTER_S = 60
_OLD = 0.9  # how much of the mean time of work is kept with each new file


class Places:
    """Room for files: `at_once` at work, and at most `max_waiting` beside them.

    changed: called with the number that waits whenever it may be another one, from any thread. Safe to share between
    threads.
    """

    def __init__(self, at_once: int, max_waiting: int, changed: Callable[[int], None]) -> None:
        self._at_once = at_once
        self._max_waiting = max_waiting
        self._changed = changed
        self._lock = threading.Lock()
        self._held = 0  # at work or waiting
        self._mean_s = 0.0

    @property
    def waiting(self) -> int:
        return max(0, self._held - self._at_once)

    def enter(self) -> None:
        """Take a place. Raises `OverloadedError` if there is none."""
        with self._lock:
            if self._held >= self._at_once + self._max_waiting:
                raise OverloadedError(f"{self.waiting} files are waiting already; try again later", self._retry_after())
            self._held += 1
            self._changed(self.waiting)

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self._held -= 1
            self._changed(self.waiting)

    def took(self, seconds: float) -> None:
        """A file was at work for so long."""
        self._mean_s = _OLD * self._mean_s + (1 - _OLD) * seconds if self._mean_s else seconds

    def _retry_after(self) -> int:
        """In how many seconds the queue may have moved on: what a worker takes for its share of it."""
        share = (self._held + 1) / self._at_once
        return min(MAX_RETRY_AFTER_S, max(1, math.ceil(share * self._mean_s)))


class WorkQueue:
    """`workers` threads, and at most `max_waiting` pieces of work that wait for them.

    changed: as for `Places`.
    """

    def __init__(self, workers: int, max_waiting: int, changed: Callable[[int], None]) -> None:
        self._pool = ThreadPoolExecutor(workers, "classify")
        self._places = Places(workers, max_waiting, changed)

    @property
    def depth(self) -> int:
        """How many wait."""
        return self._places.waiting

    def close(self) -> None:
        """Start nothing more; what is at work ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def run(self, work: Callable[[float], T], deadline_s: float | None) -> T:
        """What `work` returns. It is called in a thread, with the seconds that it waited.

        deadline_s: in seconds of `time.monotonic`, None for never. If it passes, or the caller is cancelled, work that
        waits is dropped with all it holds; work that has begun keeps its place until it ends. Raises `OverloadedError`
        and `DeadlineExceededError`.
        """
        self._places.enter()
        waiting = [work]
        future = self._pool.submit(self._work, waiting, time.monotonic())
        # Not in a `finally`: a caller may give up, but its place is free only when its thread is.
        future.add_done_callback(lambda _: self._leave(waiting))
        async with until(deadline_s):
            result: T = await asyncio.wrap_future(future)
            return result

    def _work(self, waiting: list[Callable[[float], T]], entered_s: float) -> T:
        work = waiting.pop()
        started_s = time.monotonic()
        try:
            return work(started_s - entered_s)
        finally:
            self._places.took(time.monotonic() - started_s)

    def _leave(self, waiting: list[Callable[[float], T]]) -> None:
        # Not empty if dropped before it began: the executor keeps the list until a thread comes by, but not the file.
        waiting.clear()
        self._places.leave()


@asynccontextmanager
async def until(deadline_s: float | None) -> AsyncIterator[None]:
    """Ends the block at `deadline_s` of `time.monotonic`, None for never, with a `DeadlineExceededError`."""
    try:
        async with asyncio.timeout(None if deadline_s is None else max(0.0, deadline_s - time.monotonic())):
            yield
    except TimeoutError as error:
        raise DeadlineExceededError(
            "no answer in the time that the service gives a request; send a shorter piece or try again later"
        ) from error
