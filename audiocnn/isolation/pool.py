"""`DecoderPool`: which child takes which file."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVarTuple

from numpy.typing import NDArray

from audiocnn.errors import ConfigError, DecoderPoolError, MediaError
from audiocnn.isolation.messages import Message
from audiocnn.isolation.process import Child
from audiocnn.isolation.stream import Stream

Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """What a child may take for one file before it is killed.

    memory_bytes: address space beyond what the libraries take (Linux only). cpu_s: processor time. block_s: how long
    its caller may have to wait for the next block, image or array; file_s: for all of them together.
    """

    memory_bytes: int = 2 * 2**30
    cpu_s: float = 300
    block_s: float = 10
    file_s: float = 300

    def __post_init__(self) -> None:
        for name in ("memory_bytes", "cpu_s", "block_s", "file_s"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")


class DecoderPool:
    """At most `size` child processes that decode, one file each at a time.

    They start when they are needed, stay for the next file, and end with the pool or with this process, whatever ends
    it. Safe to share between threads; a thread that comes when all children are busy waits for one.
    lost: called for each child that died or was killed and makes room for a new one, from any thread.
    """

    def __init__(
        self, size: int = 1, limits: ChildLimits | None = None, lost: Callable[[], None] | None = None
    ) -> None:
        if size < 1:
            raise ConfigError(f"size must be at least 1, got {size}")
        self.limits = limits or ChildLimits()
        self._lost = lost
        self._places = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._restarts = 0
        self._closed = False

    @property
    def restarts(self) -> int:
        """How many children have died or been killed so far, and made room for new ones."""
        return self._restarts

    @property
    def pids(self) -> list[int]:
        """The process ids of all children there are now."""
        with self._lock:
            return sorted(child.pid for child in (*self._idle, *self._busy))

    def stream(
        self,
        decode: Callable[[BinaryIO, *Arguments], Iterator[Message]],
        file: BinaryIO,
        *arguments: *Arguments,
        failure: type[MediaError],
        largest: int,
    ) -> Stream:
        """What `decode(file, *arguments)` yields, from a child; to be closed.

        decode: a function at the top of a module. file: with a descriptor, or in memory. arguments: what JSON can hold.
        failure: what is raised where the child hangs, crashes or wants too much. largest: bytes of an array, at most.
        Raises what `decode` raises of `MediaError`s, and `DecoderPoolError` if the pool is closed or no child starts.
        """
        name = f"{decode.__module__}:{decode.__qualname__}"
        return Stream(self, file, name, arguments, failure, largest)

    def single(
        self,
        decode: Callable[[BinaryIO, *Arguments], Iterator[Message]],
        file: BinaryIO,
        *arguments: *Arguments,
        failure: type[MediaError],
        largest: int,
    ) -> tuple[dict[str, Any], NDArray[Any]]:
        """The fields and the array of the one message that `decode` yields; the rest as in `stream`."""
        with closing(self.stream(decode, file, *arguments, failure=failure, largest=largest)) as stream:
            messages = list(stream)
        if len(messages) != 1 or messages[0].array is None:
            raise failure("the decoder failed; the file is damaged or made to do harm: export it again")
        return messages[0].fields, messages[0].array

    def close(self) -> None:
        """End all children, also those at work; who waits for one gets a `DecoderPoolError`."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for child in self._busy:
                child.kill()
        for child in idle:
            child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def take(self) -> Child:
        """A child for one file, to be given back or to be thrown away."""
        self._places.acquire()
        try:
            with self._lock:
                if self._closed:
                    raise DecoderPoolError("the decoder pool is closed; open a new one")
                child = self._living() or Child()
                self._busy.add(child)
                return child
        except BaseException:
            self._places.release()
            raise

    def give_back(self, child: Child) -> None:
        """A child that has sent its last message about its file."""
        with self._lock:
            self._busy.remove(child)
            closed = self._closed
            if not closed:
                self._idle.append(child)
        if closed:
            child.close()
        self._places.release()

    def throw_away(self, child: Child) -> None:
        """A child that is dead, or has to die."""
        child.close()
        with self._lock:
            self._busy.remove(child)
            self._count_lost()
        self._places.release()

    def _living(self) -> Child | None:
        """The idle child that worked last, after those that died in their sleep have been cleared away."""
        living = [child for child in self._idle if child.alive]
        for child in self._idle:
            if child not in living:
                child.close()
                self._count_lost()
        self._idle = living
        return living.pop() if living else None

    def _count_lost(self) -> None:
        self._restarts += 1
        if self._lost:
            self._lost()
