"""The batch pipeline: files in, results out, every core busy, memory bounded.

Threads share one classifier. Decoding, resampling and the network run outside Python's global lock, so threads keep
the cores as busy as processes do (both 1.8 times one thread on two cores), without a copy of the model in each.
"""

import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

from audiocnn.batch.one_file import FileClassifier
from audiocnn.batch.result import FileResult
from audiocnn.errors import ConfigError
from audiocnn.inference.classifier import Classifier
from audiocnn.limits import DecodeLimits

Item = TypeVar("Item")
Answer = TypeVar("Answer")

AHEAD = 32
"""Files begun or finished ahead of the oldest unfinished one, for each worker: enough that one hour-long file does not
leave the other workers idle, few enough that memory does not grow with the number of files."""


def default_workers() -> int:
    """The number of CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def checked_workers(workers: int | None) -> int:
    """`workers`, by default one for each CPU. Raises `ConfigError` for fewer than 1."""
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, got {workers}")
    return workers or default_workers()


def classify_files(
    paths: Iterable[str | os.PathLike[str] | FileResult],
    classifier: Classifier,
    *,
    workers: int | None = None,
    limits: DecodeLimits | None = None,
    window_s: float | None = None,
    hop_s: float | None = None,
) -> Generator[FileResult, None, None]:
    """Classify many files; yields one `FileResult` for each, in the order of `paths`.

        for file in classify_files(discover(["music"], recursive=True), Classifier.load("genre")):
            ...

    paths: read lazily; a `FileResult` among them, such as `discover` gives for an unreadable folder, is passed on.
    workers: threads, by default one for each CPU. limits: what to refuse (see `DecodeLimits`).
    window_s, hop_s: other windows than the model's own.
    No error of a file ends the batch: it becomes that file's outcome (see `FileClassifier`). Closing the generator
    drops the files that have not begun, and ends those at work. Raises `ConfigError` for fewer than 1 worker.
    """
    return stream_files(
        paths, FileClassifier(classifier, limits, window_s=window_s, hop_s=hop_s), checked_workers(workers)
    )


def stream_files(
    paths: Iterable[str | os.PathLike[str] | FileResult], classify: FileClassifier, workers: int
) -> Generator[FileResult, None, None]:
    """`classify_files` with a `FileClassifier`, which is stopped at the end."""
    records = classify.records

    def packed(path: str | os.PathLike[str] | FileResult) -> tuple[str, bytes]:
        # Many answers for hours of sound may wait for their turn: as records they take a fiftieth of the memory.
        file = path if isinstance(path, FileResult) else classify(os.fspath(path))
        return file.path, records.pack(file)

    try:
        for path, record in pipeline(paths, packed, workers):
            yield records.unpack(path, record)
    finally:
        classify.stop()


def pipeline(
    items: Iterable[Item], work: Callable[[Item], Answer], workers: int, *, ordered: bool = True
) -> Generator[Answer, None, None]:
    """`work(item)` for each item in `workers` threads: in the order of the items, or else as they are done.

    items: read lazily by a thread of its own, so that answers come out while the next item is not yet known.
    What `work` or `items` raise is raised here and ends the pipeline. Closing the generator drops the items that have
    not begun; those at work finish in the background.
    """
    outcomes: SimpleQueue[Future[Answer] | _End] = SimpleQueue()
    places = threading.Semaphore(AHEAD * workers)
    stopped = threading.Event()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="classify")

    def feed() -> None:
        count = 0
        source = iter(items)
        try:
            while places.acquire() and not stopped.is_set():
                future = pool.submit(work, next(source))
                count += 1
                if ordered:
                    outcomes.put(future)
                else:
                    future.add_done_callback(outcomes.put)
        except StopIteration:
            outcomes.put(_End(count))
        except BaseException as error:
            outcomes.put(_End(count, error))

    threading.Thread(target=feed, name="find", daemon=True).start()
    taken, total = 0, sys.maxsize
    try:
        while taken < total:
            outcome = outcomes.get()
            if isinstance(outcome, _End):
                if outcome.error is not None:
                    raise outcome.error
                total = outcome.count
                continue
            yield outcome.result()
            taken += 1
            places.release()
    finally:
        stopped.set()
        places.release()
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _End:
    """There are no more items than `count`, or finding them failed."""

    count: int
    error: BaseException | None = None
