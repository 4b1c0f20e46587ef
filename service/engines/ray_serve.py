"""The engine in replicas of Ray Serve, on this machine or on a cluster."""

import asyncio
import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audiocnn import DecodeLimits, MediaError, Result
from audiocnn.audio.reader import AudioReader
from audiocnn.cluster import ray_cluster
from audiocnn.insight.inspection import Inspection
from audiocnn.prediction import LiveAnswer
from audiocnn.spec import recut
from service.engines.local import LocalEngine
from service.engines.protocol import ClassifyRequest, InspectRequest, Served
from service.engines.queue import Places, until
from service.engines.replica import ReplicaLostError, fingerprint, replica_settings
from service.errors import NotReadyError, ReloadFailedError
from service.observe.metrics import Metrics
from service.settings import Settings

if TYPE_CHECKING:
    from service.engines.deployment import Replicas

logger = logging.getLogger("audiocnn.service")

_TRIES = 3
_START_S = 120.0
_LOOK_S = 2.0
_STORE_BYTES = 128 * 2**20  # beside the uploads


class RayEngine:
    """Classifiers in `settings.ray_replicas` processes of `settings.workers` threads, which Ray Serve keeps alive.

    The queue, the deadline and whoever has left are this process's business. A file whose replica dies is given to
    another one. Jobs, live streams and `inspect` are worked on here, where their files and connections are.
    """

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self._settings = settings
        self._metrics = metrics or Metrics()
        self._local = LocalEngine(settings, self._metrics)
        self._places = Places(settings.ray_replicas * settings.workers, settings.max_queue, self._metrics.queue_changed)
        self._cluster = ExitStack()
        self._replicas: Replicas | None = None
        self._alive: set[str] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._local.start()
        try:
            self._connect()  # not in a thread, or Ray would take SIGTERM; nothing is served before anyway
            self._replicas = await self._find_or_deploy()
        except BaseException:
            self._cluster.close()
            raise
        for _, info in self.models():
            await self._reload_all(info.name)  # replicas that were there may have older files
        await self._look()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        self._alive = set()
        await self._local.close()
        await asyncio.to_thread(self._cluster.close)

    @property
    def ready(self) -> bool:
        return self._local.ready and bool(self._alive)

    @property
    def queue_depth(self) -> int:
        return self._places.waiting

    def models(self) -> list[Served]:
        return self._local.models()

    def find(self, model: str | None) -> Served:
        return self._local.find(model)

    def card(self, model: str) -> str:
        return self._local.card(model)

    async def classify(self, request: ClassifyRequest) -> Result:
        if request.background:
            return await self._local.classify(request)
        spec, _ = self.find(request.model)
        recut(spec.input, request.window_s, request.hop_s)  # what does not fit is refused before it waits
        began_s = time.monotonic()
        sent = dataclasses.replace(request, deadline_s=None, progress=None)
        try:
            result: Result = await self._ask("classify", sent, deadline_s=request.deadline_s)
        except MediaError as error:
            self._metrics.decode_failed(error.code)
            raise
        timing = result.timing
        waited_ms = 1000 * (time.monotonic() - began_s) - timing.decode_ms - timing.infer_ms
        result = dataclasses.replace(result, timing=dataclasses.replace(timing, queue_ms=max(0.0, waited_ms)))
        self._metrics.classified(result)
        return result

    async def inspect(self, request: InspectRequest) -> Inspection:
        return await self._local.inspect(request)

    async def infer(self, model: str, windows: NDArray[np.float32], deadline_s: float) -> NDArray[np.float64]:
        self.find(model)
        logits: NDArray[np.float64] = await self._ask("infer", model, windows, deadline_s=deadline_s)
        return logits

    def live(
        self, model: str | None, reader: AudioReader, limits: DecodeLimits, *, hop_s: float | None
    ) -> Iterator[LiveAnswer]:
        return self._local.live(model, reader, limits, hop_s=hop_s)

    async def reload(self, model: str) -> Served:
        served = await self._local.reload(model)
        if not await self._reload_all(model):
            raise ReloadFailedError(
                "some replicas did not load the model's new files and go on with the earlier ones; see that each "
                "machine of the cluster has them, and reload again"
            )
        return served

    def _connect(self) -> None:
        settings = self._settings
        cluster = ray_cluster(
            settings.ray_address,
            cpus=settings.ray_replicas * settings.workers,
            store_bytes=settings.max_buffered_bytes + _STORE_BYTES,
        )
        self._cluster.enter_context(cluster)
        # Ray Serve asks replicas how busy they are; on a busy machine they do not say so within its 0.1 s.
        os.environ.setdefault("RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S", "1")
        import ray.serve  # noqa: F401  it gives its log a handler of its own, which knows nothing of our formats

        for name in ("ray", "ray.serve"):
            log = logging.getLogger(name)
            log.handlers.clear()
            log.propagate = True
            log.setLevel(logging.ERROR)  # what matters of the rest is told here

    async def _find_or_deploy(self) -> "Replicas":
        from service.engines import deployment

        settings, given = self._settings, replica_settings(self._settings)
        found = await asyncio.to_thread(deployment.existing)
        if found is not None:
            with contextlib.suppress(TimeoutError):
                if {kind for kind, _ in await found.ask_all("identity")} == {fingerprint(given)}:
                    return found
        return await asyncio.to_thread(
            deployment.deploy, given, settings.ray_replicas, grace_s=settings.grace_s, timeout_s=_START_S
        )

    async def _reload_all(self, model: str) -> bool:
        """Whether no replica could not."""
        if self._replicas is None:
            return True
        try:
            outcomes = await self._replicas.ask_all("reload", model)
        except TimeoutError:
            return False
        return not any(isinstance(outcome, Exception) for outcome in outcomes)

    async def _ask(self, method: str, *arguments: Any, deadline_s: float | None) -> Any:
        """What a replica answers; an error comes as a value and is raised here."""
        self._places.enter()
        began_s = time.monotonic()
        try:
            async with until(deadline_s):
                for _ in range(_TRIES):
                    if self._replicas is None or not self._alive:
                        break
                    remaining_s = None if deadline_s is None else deadline_s - time.monotonic()
                    try:
                        answer = await self._replicas.ask(method, *arguments, remaining_s)
                    except ReplicaLostError as error:
                        logger.warning("a replica was lost with a file in hand: %s", error)
                        await self._look()
                        continue
                    if isinstance(answer, Exception):
                        raise answer
                    self._places.took(time.monotonic() - began_s)
                    return answer
            raise NotReadyError("no process is left to work on the file; another one is being started, try again later")
        finally:
            self._places.leave()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._look()

    async def _look(self) -> None:
        """See which replicas answer; `ready` follows."""
        if self._replicas is None:
            return
        try:
            alive = {name for _, name in await self._replicas.ask_all("identity")}
        except TimeoutError:  # one of them hangs, which says nothing of the others; Ray Serve replaces it
            return
        for _ in self._alive - alive:
            self._metrics.replica_lost()
        if alive != self._alive:
            logger.info("replicas that answer: %d", len(alive))
        self._alive = alive
