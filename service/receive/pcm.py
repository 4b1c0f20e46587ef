"""Live sound from a socket to the thread that listens: `PcmReader`."""

import asyncio
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from audiocnn.audio.reader import BLOCK, AudioReader
from audiocnn.waveform import Samples
from service.errors import OverloadedError

PcmFormat = Literal["s16le", "f32le"]

_DTYPES: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}
_WAITING = 8  # messages that may wait for the thread; more wait in the client's socket


class ClientLeftError(Exception):
    """Ends the work on a stream whose client has gone."""


class PcmReader(AudioReader):
    """Mono sound that is fed in on the event loop and read in one other thread.

    format: of the bytes; 16-bit numbers or floats from -1 to 1, both with the low byte first.
    """

    def __init__(self, sample_rate: int, format: PcmFormat) -> None:
        super().__init__(format=format, sample_rate=sample_rate, channels=1)
        self._dtype = _DTYPES[format]
        self._rest = b""
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_WAITING)
        self._loop = asyncio.get_running_loop()
        self._left = False

    @property
    def bytes_per_second(self) -> int:
        return self.sample_rate * self._dtype.itemsize

    async def feed(self, data: bytes) -> None:
        """Take bytes, of whole samples or not; waits while too many do."""
        await self._room.acquire()
        self._messages.put(data)

    def end(self) -> None:
        """No more comes: what is left is answered."""
        self._messages.put(None)

    def abandon(self) -> None:
        """Nobody listens any more: the thread ends with `ClientLeftError`."""
        self._left = True
        self._messages.put(None)

    def blocks(self) -> Iterator[Samples]:
        while (data := self._messages.get()) is not None and not self._left:
            self._loop.call_soon_threadsafe(self._room.release)
            data = self._rest + data
            whole = len(data) - len(data) % self._dtype.itemsize
            self._rest = data[whole:]
            samples = np.frombuffer(data[:whole], self._dtype).astype(np.float32)
            if self._dtype.kind == "i":
                samples /= 32_768
            for start in range(0, len(samples), BLOCK):
                yield samples[np.newaxis, start : start + BLOCK]
        if self._left:
            raise ClientLeftError

    def close(self) -> None:
        self.abandon()


class StreamPlaces:
    """How many streams are open, each with a thread of its own that mostly waits for sound."""

    def __init__(self, max_streams: int) -> None:
        self._max_streams = max_streams
        self._taken = 0
        self.threads = ThreadPoolExecutor(max_streams, "stream")

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises `OverloadedError` if there is none."""
        if self._taken == self._max_streams:
            raise OverloadedError(f"{self._max_streams} streams are open already; try again later")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
