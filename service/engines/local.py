"""The engine inside this process: a bounded queue before worker threads."""

import asyncio
import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from audiocnn import Classifier, ModelSpec, Result
from audiocnn.prediction import ModelInfo
from service.errors import DeadlineExceededError, NotReadyError, OverloadedError
from service.settings import Settings


class LocalEngine:
    """A `Classifier` on `workers` threads of this process, one file each.

    onnxruntime and the decoders release the interpreter lock, so these threads fill the cores; each call of the model
    uses one thread only, or they would fight over them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._limits = settings.decode_limits
        self._classifier: Classifier | None = None
        self._pool = ThreadPoolExecutor(settings.workers, "classify")
        self._places = threading.Semaphore(settings.workers + settings.max_queue)

    async def start(self) -> None:
        self._classifier = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        self._classifier = None
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def ready(self) -> bool:
        return self._classifier is not None

    @property
    def model(self) -> tuple[ModelSpec, ModelInfo]:
        classifier = self._loaded()
        return classifier.spec, classifier.info

    async def classify(self, data: bytes) -> Result:
        classifier = self._loaded()
        if not self._places.acquire(blocking=False):
            raise OverloadedError(f"{self._settings.max_queue} files are waiting already; try again shortly")
        queued = time.perf_counter()

        def run() -> Result:
            queue_ms = 1000 * (time.perf_counter() - queued)
            result = classifier.classify(data, self._limits)
            return dataclasses.replace(result, timing=dataclasses.replace(result.timing, queue_ms=queue_ms))

        job = self._pool.submit(run)
        # Not in a `finally`: a caller may give up, but its place is free only when its thread is.
        job.add_done_callback(lambda _: self._places.release())
        try:
            async with asyncio.timeout(self._settings.classify_timeout_s):
                return await asyncio.wrap_future(job)
        except TimeoutError as error:
            raise DeadlineExceededError(
                f"no answer within {self._settings.classify_timeout_s:g} s; send a shorter piece or try again later"
            ) from error

    def _loaded(self) -> Classifier:
        if self._classifier is None:
            raise NotReadyError("the model is not loaded; try again shortly")
        return self._classifier

    def _load(self) -> Classifier:
        """The classifier, tried once: a model that cannot answer fails here, and the first caller waits no longer."""
        classifier = Classifier.load(self._settings.model)
        classifier.warm_up()
        return classifier
