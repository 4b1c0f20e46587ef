"""The queue before the workers: bounded, honest about the wait, and without those who have left."""

import asyncio
import gc
import socket
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from audiocnn import Result
from service.app import create_app
from service.engines import ClassifyRequest, LocalEngine
from service.engines.queue import MAX_RETRY_AFTER_S, WorkQueue
from service.errors import DeadlineExceededError, OverloadedError
from service.settings import Settings
from tests.audio_files import tone, wav_bytes
from tests.service.wire import post

GOOD = wav_bytes(tone(seconds=0.2))


class File:
    """Stands for what a job holds."""


def later(seconds: float = 30.0) -> float:
    return time.monotonic() + seconds


def with_blocked_worker(
    scenario: Callable[[WorkQueue, threading.Event], Coroutine[Any, Any, None]], max_waiting: int = 4
) -> list[int]:
    """Run with one worker that is busy until the event is set. Returns the depths that were reported."""
    depths: list[int] = []

    async def run() -> None:
        queue = WorkQueue(1, max_waiting, depths.append)
        free = threading.Event()
        began = threading.Event()

        def block(_: float) -> None:
            began.set()
            free.wait(30)

        blocking = asyncio.create_task(queue.run(block, later()))
        await asyncio.to_thread(began.wait, 30)
        try:
            await scenario(queue, free)
        finally:
            free.set()
            await blocking
            queue.close()

    asyncio.run(run())
    return depths


def test_work_of_callers_who_left_is_dropped_with_what_it_holds() -> None:
    done: list[int] = []

    async def scenario(queue: WorkQueue, free: threading.Event) -> None:
        files = [File() for _ in range(3)]
        alive = [weakref.ref(file) for file in files]

        def work(number: int, file: File) -> Callable[[float], None]:
            return lambda _: done.append(number) if file else None

        tasks = [asyncio.create_task(queue.run(work(number, file), later())) for number, file in enumerate(files)]
        del files
        await asyncio.sleep(0.05)
        assert queue.depth == 3
        for task in tasks[:2]:
            task.cancel()
        await asyncio.wait(tasks[:2])
        assert queue.depth == 1
        tasks = tasks[2:]
        del task
        gc.collect()
        assert [ref() is None for ref in alive] == [True, True, False]
        free.set()
        await tasks[0]

    depths = with_blocked_worker(scenario)
    assert done == [2]
    assert depths[-1] == 0
    assert max(depths) == 3


def test_work_past_its_deadline_never_begins_and_frees_its_place() -> None:
    done: list[int] = []

    async def scenario(queue: WorkQueue, free: threading.Event) -> None:
        with pytest.raises(DeadlineExceededError):
            await queue.run(lambda _: done.append(1), later(0.05))
        with pytest.raises(DeadlineExceededError):
            await queue.run(lambda _: done.append(2), later(-1))
        assert queue.depth == 0
        waiting = asyncio.create_task(queue.run(lambda waited_s: waited_s, later()))
        await asyncio.sleep(0)  # it waits from here on
        await asyncio.sleep(0.05)
        with pytest.raises(OverloadedError):
            await queue.run(lambda _: done.append(3), later())
        free.set()
        assert await waiting > 0.04

    with_blocked_worker(scenario, max_waiting=1)
    assert done == []


def test_retry_after_follows_the_queue() -> None:
    async def scenario() -> None:
        queue = WorkQueue(1, 2, lambda _: None)
        await queue.run(lambda _: time.sleep(1.2), later())
        free = threading.Event()
        waiting = [asyncio.create_task(queue.run(lambda _: free.wait(30), later())) for _ in range(3)]
        await asyncio.sleep(0)  # they have their places
        with pytest.raises(OverloadedError) as refused:
            await queue.run(lambda _: None, later())
        assert 4 <= refused.value.retry_after_s <= MAX_RETRY_AFTER_S
        free.set()
        await asyncio.gather(*waiting)
        queue.close()

    asyncio.run(scenario())


class PatientEngine(LocalEngine):
    """Answers nobody before it is told to, and knows who left."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.waiting = threading.Event()
        self.left = threading.Event()

    async def classify(self, request: ClassifyRequest) -> Result:
        self.waiting.set()
        try:
            await asyncio.sleep(120)
        except asyncio.CancelledError:
            self.left.set()
            raise
        raise AssertionError("nobody left")


@contextmanager
def served(engine: LocalEngine) -> Iterator[int]:
    """The port of a server in a thread."""
    server = uvicorn.Server(uvicorn.Config(create_app(Settings(), engine), port=0, log_config=None, ws="none"))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.run)
        deadline = later()
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True
            running.result(30)


def test_a_client_that_leaves_takes_its_work_along() -> None:
    engine = PatientEngine(Settings(workers=1))
    with served(engine) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(post(GOOD))
            assert engine.waiting.wait(30)
            assert not engine.left.is_set()
        assert engine.left.wait(30)
