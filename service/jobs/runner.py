"""What works on jobs in each process."""

import asyncio
import logging
import os
import socket
import uuid
from typing import Any

from service.engines import ClassifyRequest, Engine
from service.errors import INTERNAL, NotReadyError, OverloadedError, RequestError, told
from service.jobs.record import Job
from service.jobs.store import JobStore
from service.schemas import ClassifyParameters
from service.settings import Settings

logger = logging.getLogger("audiocnn.service")

_POLL_S = 1.0  # other processes add jobs too
_SIGN_S = 1.0
_SWEEP_S = 60.0


class JobRunner:
    """Takes jobs from the store, `settings.job_workers` at a time, until it is stopped."""

    def __init__(self, store: JobStore, engine: Engine, settings: Settings) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings
        self._worker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._new = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._take_jobs()) for _ in range(self._settings.job_workers)]
        self._tasks.append(asyncio.create_task(self._sweep()))

    async def stop(self) -> None:
        """Give the jobs at work back; whoever comes next begins them again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """There is a new job."""
        self._new.set()

    async def _take_jobs(self) -> None:
        while True:
            try:
                models = [info.name for _, info in self._engine.models()]
                job = await asyncio.to_thread(self._store.claim, self._worker, models)
                if job is not None:
                    await self._work(job)
                    continue
            except RequestError as error:
                logger.warning("jobs wait: %s", error)
            except Exception:
                logger.exception("a job could not be worked on")
            await self._wait()

    async def _wait(self) -> None:
        self._new.clear()
        try:
            async with asyncio.timeout(_POLL_S):
                await self._new.wait()
        except TimeoutError:
            return

    async def _work(self, job: Job) -> None:
        heard_s = 0.0

        def progress(seconds: float) -> None:
            nonlocal heard_s
            heard_s = seconds

        asked = ClassifyParameters.model_validate(job.parameters)
        request = ClassifyRequest(
            self._store.upload_path(job.id),
            job.model,
            asked.window_s,
            asked.hop_s,
            limits=self._settings.job_limits,
            background=True,
            progress=progress,
        )
        answer = asyncio.ensure_future(self._engine.classify(request))
        try:
            while not (await asyncio.wait({answer}, timeout=min(_SIGN_S, self._store.lease_s / 3)))[0]:
                if not await asyncio.to_thread(self._store.renew, job.id, self._worker, heard_s):
                    return  # cancelled, or another has it
            await self._end(job, answer, asked)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(self._store.release, job.id, self._worker))
            raise
        finally:
            answer.cancel()

    async def _end(self, job: Job, answer: "asyncio.Future[Any]", asked: ClassifyParameters) -> None:
        error = answer.exception()
        if isinstance(error, (NotReadyError, OverloadedError)):
            await asyncio.to_thread(self._store.release, job.id, self._worker)
            raise error
        if error is None:
            result = answer.result().to_json(top_k=asked.top_k, threshold=asked.threshold, segments=asked.segments)
            outcome = {"result": {"request_id": job.request_id, **result}}
        else:
            problem = told(error) if isinstance(error, Exception) else INTERNAL
            if problem is INTERNAL:
                logger.error("job of request %s failed", job.request_id, exc_info=error)
            outcome = {"problem": problem.body(f"/v1/jobs/{job.id}", job.request_id)}
        await asyncio.to_thread(self._store.finish, job.id, self._worker, **outcome)

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._store.sweep)
            except RequestError as error:
                logger.warning("expired jobs stay: %s", error)
            await asyncio.sleep(_SWEEP_S)
