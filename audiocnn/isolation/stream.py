"""`Stream`: what a child says of one file, and what becomes of the file if the child dies."""

import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from audiocnn.errors import MediaError
from audiocnn.isolation.messages import END, FAILED, GREEDY, ITEM, REFUSED, Message
from audiocnn.isolation.process import Child, ChildDiedError, descriptor

if TYPE_CHECKING:
    from audiocnn.isolation.pool import DecoderPool

_TRIES = 3


class Stream:
    """The messages of one file; ends after the last. Used by one thread.

    A file whose child was killed from outside, as by an operator or by a system out of memory, is begun again and goes
    on where it stopped, with three children at most: that it is always this one may be its fault after all.
    """

    def __init__(
        self,
        pool: "DecoderPool",
        file: BinaryIO,
        name: str,
        arguments: tuple[Any, ...],
        failure: type[MediaError],
        largest: int,
    ) -> None:
        self._pool = pool
        self._file = file
        self._job = (name, arguments, pool.limits.memory_bytes, pool.limits.cpu_s)
        self._failure = failure
        self._largest = largest
        self._waited_s = 0.0
        self._received = 0
        self._known = 0  # messages to come that a child before this one has sent already
        self._tries = 1
        self._child: Child | None = None
        self._begin()

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Message:
        if self._child is None:
            raise StopIteration
        kind, message = self._next()
        if kind == ITEM:
            return message
        self._finish()
        if kind == END:
            raise StopIteration
        if kind == GREEDY:
            raise self._failed(f"decoding needs more than {self._pool.limits.memory_bytes >> 20} MiB of memory")
        if kind == REFUSED:
            raise _media_error(message)
        cause = RuntimeError(str(message.fields.get("text", kind))) if kind == FAILED else None
        raise self._failed("the decoder failed") from cause

    def close(self) -> None:
        """Let go of the child, which stays for the next file if it stops within its time for a block."""
        child = self._child
        if child is None:
            return
        try:
            child.stop()
            while child.next(self._pool.limits.block_s, self._largest)[0] == ITEM:
                pass
        except ChildDiedError:
            self._lose()
        else:
            self._finish()

    def _begin(self) -> None:
        """Have a child begin with the file."""
        while self._child is None:
            self._child = child = self._pool.take()
            try:
                with descriptor(self._file) as file_fd:
                    child.start(file_fd, self._job, self._pool.limits.block_s)
            except ChildDiedError as death:
                self._lose()
                self._excuse(death)
            except BaseException:
                self._lose()
                raise

    def _next(self) -> tuple[str, Message]:
        while True:
            try:
                while self._known:
                    self._receive()
                    self._known -= 1
                answer = self._receive()
            except ChildDiedError as death:
                self._lose()
                self._excuse(death)
                self._begin()
                self._known = self._received
            else:
                self._received += 1
                return answer

    def _receive(self) -> tuple[str, Message]:
        limits = self._pool.limits
        started = time.monotonic()
        try:
            return self._held.next(min(limits.block_s, limits.file_s - self._waited_s), self._largest)
        finally:
            self._waited_s += time.monotonic() - started

    def _excuse(self, death: ChildDiedError) -> None:
        """Raises the error of the file, unless the death was not its fault."""
        if death.exit == -signal.SIGXCPU:
            raise self._failed(f"decoding took more than {self._pool.limits.cpu_s:g} s of processor time") from death
        if death.exit != -signal.SIGKILL or self._tries == _TRIES:
            raise self._failed(str(death)) from death
        self._tries += 1

    @property
    def _held(self) -> Child:
        if self._child is None:
            raise RuntimeError("the stream has no child")
        return self._child

    def _finish(self) -> None:
        child, self._child = self._held, None
        self._pool.give_back(child)

    def _lose(self) -> None:
        child, self._child = self._held, None
        self._pool.throw_away(child)

    def _failed(self, reason: str) -> MediaError:
        return self._failure(f"{reason}; the file is damaged or made to do harm: export it again")


def _media_error(message: Message) -> MediaError:
    """The error that the decoder raised in the child."""
    kinds = {kind.code: kind for kind in _all_below(MediaError)}
    kind = kinds.get(str(message.fields.get("code")), MediaError)
    return kind(str(message.fields.get("text")))


def _all_below(kind: type[MediaError]) -> Iterator[type[MediaError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all_below(child)
