"""The engine inside this process: a bounded queue before worker threads."""

import asyncio
import dataclasses

from audiocnn import Classifier, MediaError, ModelSpec, Result
from audiocnn.prediction import ModelInfo
from service.engines.queue import WorkQueue
from service.errors import NotReadyError
from service.observe.metrics import Metrics
from service.settings import Settings


class LocalEngine:
    """A `Classifier` on `workers` threads of this process, one file each.

    onnxruntime and the decoders release the interpreter lock, so these threads fill the cores; each call of the model
    uses one thread only, or they would fight over them.
    """

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self._settings = settings
        self._metrics = metrics or Metrics()
        self._limits = settings.decode_limits
        self._classifier: Classifier | None = None
        self._queue = WorkQueue(settings.workers, settings.max_queue, self._metrics.queue_changed)

    async def start(self) -> None:
        self._classifier = await asyncio.to_thread(self._load)
        self._metrics.serves(self._classifier.info)

    async def close(self) -> None:
        self._classifier = None
        self._queue.close()

    @property
    def ready(self) -> bool:
        return self._classifier is not None

    @property
    def model(self) -> tuple[ModelSpec, ModelInfo]:
        classifier = self._loaded()
        return classifier.spec, classifier.info

    @property
    def queue_depth(self) -> int:
        return self._queue.depth

    async def classify(self, data: bytes, deadline_s: float) -> Result:
        classifier = self._loaded()

        def work(waited_s: float) -> Result:
            result = classifier.classify(data, self._limits)
            return dataclasses.replace(result, timing=dataclasses.replace(result.timing, queue_ms=1000 * waited_s))

        try:
            result = await self._queue.run(work, deadline_s)
        except MediaError as error:
            self._metrics.decode_failed(error.code)
            raise
        self._metrics.classified(result)
        return result

    def _loaded(self) -> Classifier:
        if self._classifier is None:
            raise NotReadyError("the model is not loaded; try again shortly")
        return self._classifier

    def _load(self) -> Classifier:
        """The classifier, tried once: a model that cannot answer fails here, and the first caller waits no longer."""
        classifier = Classifier.load(self._settings.model)
        classifier.warm_up()
        return classifier
