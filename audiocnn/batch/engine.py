"""The batch pipeline: files in, results out in the same order, every core busy, memory bounded.

Threads share one classifier. Decoding, resampling and the network run outside Python's global lock, so threads keep
the cores as busy as processes do (both 1.8 times one thread on two cores), without a copy of the model in each.
"""

import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import ConfigError
from audiocnn.inference.classifier import Classifier
from audiocnn.limits import DecodeLimits

AHEAD = 32
"""Files begun or finished ahead of the oldest unfinished one, for each worker: enough that one hour-long file does not
leave the other workers idle, few enough that memory does not grow with the number of files."""


def default_workers() -> int:
    """The number of CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def classify_files(
    paths: Iterable[str | os.PathLike[str] | FileResult],
    classifier: Classifier,
    *,
    workers: int | None = None,
    limits: DecodeLimits | None = None,
) -> Generator[FileResult, None, None]:
    """Classify many files; yields one `FileResult` for each, in the order of `paths`.

        for file in classify_files(discover(["music"], recursive=True), Classifier.load("genre")):
            ...

    paths: read lazily; a `FileResult` among them, such as `discover` gives for an unreadable folder, is passed on.
    workers: threads, by default one for each CPU. limits: what to refuse (see `DecodeLimits`).
    No error of a file ends the batch: it becomes that file's outcome. Closing the generator drops the files that have
    not begun; those at work finish in the background. Raises `ConfigError` for fewer than 1 worker.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, got {workers}")
    workers = workers or default_workers()
    return _pipeline(paths, classifier, workers, limits)


def _pipeline(
    paths: Iterable[str | os.PathLike[str] | FileResult],
    classifier: Classifier,
    workers: int,
    limits: DecodeLimits | None,
) -> Generator[FileResult, None, None]:
    pending: deque[Future[FileResult]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="classify")
    try:
        for path in paths:
            pending.append(pool.submit(_outcome, path, classifier, limits))
            while len(pending) >= AHEAD * workers or (pending and pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcome(
    path: str | os.PathLike[str] | FileResult, classifier: Classifier, limits: DecodeLimits | None
) -> FileResult:
    if isinstance(path, FileResult):
        return path
    try:
        return FileResult(os.fspath(path), classifier.classify(path, limits))
    except Exception as error:  # whatever one file does, the other thousands get their answer
        return FileResult(os.fspath(path), FileError.from_exception(error))
