"""How often each API key may ask, counted over all processes of the service."""

import fcntl
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SLOT = struct.Struct("d")


class RateLimit:
    """A leaky bucket for each key (GCRA): `burst` requests at once, then `per_minute` at an even pace.

    For each key one number is kept, the time at which its bucket is empty again; in a file that all processes map, so
    that a key has one limit and not one in each process. num_keys: how many keys there are. file: which file, none for
    a single process.
    """

    def __init__(self, num_keys: int, per_minute: int, burst: int, file: Path | None = None) -> None:
        self.per_minute = per_minute
        self._interval_s = 60 / per_minute
        self._depth_s = self._interval_s * burst
        size = num_keys * _SLOT.size
        self._file = -1 if file is None else os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        if file is not None:
            os.truncate(self._file, size)
        self._slots = mmap.mmap(self._file, size)

    def take(self, index: int) -> float:
        """Count a request of this key. Returns 0, or in how many seconds there is room for it, and counts nothing."""
        offset = index * _SLOT.size
        with self._alone():
            now = time.monotonic()  # since boot: the same clock in every process
            empty_s = max(_SLOT.unpack_from(self._slots, offset)[0], now) + self._interval_s
            wait_s: float = empty_s - now - self._depth_s
            if wait_s > 0:
                return wait_s
            _SLOT.pack_into(self._slots, offset, empty_s)
            return 0.0

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._file < 0:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
