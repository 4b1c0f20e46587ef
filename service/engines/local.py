"""The engine inside this process: a bounded queue before worker threads."""

import asyncio
import dataclasses
import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from audiocnn import DecodeLimits, DecoderPool, MediaError, Result
from audiocnn.audio.reader import AudioReader
from audiocnn.errors import DecoderPoolError
from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.inspection import Inspection, inspect_file
from audiocnn.isolation.process import ChildDiedError
from audiocnn.prediction import LiveAnswer
from audiocnn.spec import recut
from service.engines.protocol import ClassifyRequest, InspectRequest, Served
from service.engines.queue import WorkQueue
from service.engines.registry import ModelRegistry
from service.errors import InvalidParameterError, NotReadyError
from service.observe.metrics import Metrics
from service.settings import Settings

T = TypeVar("T")


class NobodyWaitsError(Exception):
    """Ends work whose caller has gone."""


class LocalEngine:
    """Classifiers on `workers` threads of this process, one file each.

    onnxruntime releases the interpreter lock, so these threads fill the cores; each call of a model uses one thread
    only, or they would fight over them. Jobs have threads of their own. All but plain WAV is decoded in processes of
    its own, which are killed and replaced if a file makes them hang.
    """

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._limits = settings.decode_limits
        self._decoders = DecoderPool(
            settings.decoders or settings.workers + settings.job_workers, lost=self._metrics.decoder_lost
        )
        self._registry = ModelRegistry(settings.model_sources, self._decoders)
        self._queue = WorkQueue(settings.workers, settings.max_queue, self._metrics.queue_changed)
        self._silence = functools.cache(SilenceDetector.load)
        # The waiting is in the store of jobs; one that was cancelled may hold its thread a moment longer.
        self._jobs = WorkQueue(settings.job_workers, settings.job_workers, lambda _: None)

    async def start(self) -> None:
        await asyncio.to_thread(self.load)

    def load(self) -> None:
        """`start` for those who can wait."""
        self._registry.load()
        for _, info in self.models():
            self._metrics.serves(info)

    async def close(self) -> None:
        self._registry.clear()
        self._queue.close()
        self._jobs.close()
        await asyncio.to_thread(self._decoders.close)

    @property
    def ready(self) -> bool:
        return self._registry.loaded

    @property
    def queue_depth(self) -> int:
        return self._queue.depth

    def models(self) -> list[Served]:
        return [(classifier.spec, classifier.info) for classifier in self._registry.all()]

    def find(self, model: str | None) -> Served:
        classifier = self._registry.get(model)
        return classifier.spec, classifier.info

    def card(self, model: str) -> str:
        return self._registry.card(model)

    async def classify(self, request: ClassifyRequest) -> Result:
        classifier = self._registry.get(request.model)
        recut(classifier.spec.input, request.window_s, request.hop_s)  # what does not fit is refused before it waits

        def work(waited_s: float, alive: Callable[[], None]) -> Result:
            def progress(heard_s: float) -> None:
                alive()
                if request.progress:
                    request.progress(heard_s)

            result = classifier.classify(
                request.data,
                request.limits or self._limits,
                window_s=request.window_s,
                hop_s=request.hop_s,
                progress=progress,
            )
            return dataclasses.replace(result, timing=dataclasses.replace(result.timing, queue_ms=1000 * waited_s))

        with self._told_of_bad_files(excused=not request.background):
            result = await _while_wanted(self._jobs if request.background else self._queue, work, request.deadline_s)
        self._metrics.classified(result)
        return result

    async def inspect(self, request: InspectRequest) -> Inspection:
        lens = await asyncio.to_thread(self._registry.lens, request.model)
        known = [layer.name for layer in lens.mapped()]
        for name in request.layers:
            if name not in known:
                raise InvalidParameterError(f"layer: no layer with a map is called so; there are: {', '.join(known)}")

        def work(_: float, alive: Callable[[], None]) -> Inspection:
            return inspect_file(
                lens,
                request.data,
                request.layers,
                rows=request.rows,
                columns=request.columns,
                detector=self._silence() if request.silence else None,
                limits=self._limits,
                decoders=self._decoders,
                progress=lambda _: alive(),
            )

        with self._told_of_bad_files():
            return await _while_wanted(self._queue, work, request.deadline_s)

    async def infer(self, model: str, windows: NDArray[np.float32], deadline_s: float) -> NDArray[np.float64]:
        classifier = self._registry.get(model)
        return await self._queue.run(lambda _: classifier.infer(windows), deadline_s)

    def live(
        self, model: str | None, reader: AudioReader, limits: DecodeLimits, *, hop_s: float | None
    ) -> Iterator[LiveAnswer]:
        return self._registry.get(model).live(reader, limits, hop_s=hop_s)

    async def reload(self, model: str) -> Served:
        classifier = await asyncio.to_thread(self._registry.reload, model)
        self._metrics.serves(classifier.info)
        return classifier.spec, classifier.info

    @contextmanager
    def _told_of_bad_files(self, *, excused: bool = True) -> Iterator[None]:
        """Count them. excused: files whose decoders were killed from outside count as good ones that came too early.

        A job is not excused: it would be tried for ever if the file is to blame after all.
        """
        try:
            yield
        except MediaError as error:
            if excused and _was_killed(error.__cause__):
                raise NotReadyError("the processes that decoded the file were killed; try again later") from error
            self._metrics.decode_failed(error.code)
            raise
        except DecoderPoolError as error:
            raise NotReadyError("no process can be started to decode the file; try again later") from error


def _was_killed(death: BaseException | None) -> bool:
    """Whether a decoder died of SIGKILL that was not its pool's: by an operator, or by a system out of memory."""
    return isinstance(death, ChildDiedError) and death.exit == -signal.SIGKILL


async def _while_wanted(
    queue: WorkQueue, work: Callable[[float, Callable[[], None]], T], deadline_s: float | None
) -> T:
    """What `work` returns; it is given a function that raises once its caller does not wait any more."""
    abandoned = threading.Event()

    def alive() -> None:
        if abandoned.is_set():
            raise NobodyWaitsError

    try:
        return await queue.run(lambda waited_s: work(waited_s, alive), deadline_s)
    finally:
        abandoned.set()
