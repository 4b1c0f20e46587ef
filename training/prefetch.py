"""The next batches, cut in a thread of their own while a step runs."""

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from torch import Tensor

from training.data.batches import Batches
from training.distributed import Process

Batch = tuple[Tensor, Tensor]

_AHEAD = 2


class Prefetcher:
    """This process's parts of batches `[first, last)`, in this order; as a context manager it ends its thread."""

    def __init__(self, batches: Batches, process: Process, first: int, last: int) -> None:
        self._batches = batches
        self._process = process
        self._steps = iter(range(first, last))
        self._pool = ThreadPoolExecutor(1, "batches")
        self._pending: deque[Future[Batch]] = deque()

    def __enter__(self) -> "Prefetcher":
        for _ in range(_AHEAD):
            self._submit()
        return self

    def take(self) -> tuple[Batch, float]:
        """The next batch, and for how many seconds it had to be waited for. Raises what went wrong in cutting it."""
        started = time.perf_counter()
        batch = self._pending.popleft().result()
        waited = time.perf_counter() - started
        self._submit()
        return batch, waited

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        step = next(self._steps, None)
        if step is not None:
            self._pending.append(self._pool.submit(self._cut, step))

    def _cut(self, step: int) -> Batch:
        windows, targets = self._batches.batch(step, self._process.rank, self._process.world_size)
        if self._process.device.type == "cuda":  # from pinned memory the copy to the device holds nobody up
            return _pinned(windows), _pinned(targets)
        return windows, targets


def _pinned(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_cuda else tensor.pin_memory()
