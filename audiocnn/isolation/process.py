"""One decoder child as its parent sees it: `Child`."""

import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from audiocnn.errors import DecoderPoolError
from audiocnn.isolation.messages import JOB, READY, STOP, GarbledError, Message, read, receive

_START_S = 60.0
_AHEAD_BYTES = 1 << 20
"""How far a decoder may run ahead of its caller: the fewer times they wait for each other, the better."""
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from audiocnn.isolation.child import main; main(int(sys.argv[2]))"
)
# Nothing else of the environment, which may hold secrets, is shown to a process that hostile bytes may take over.
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class ChildDiedError(Exception):
    """The child is dead. exit: its exit status, negative for a signal; None if its parent had to kill it."""

    def __init__(self, reason: str, exit: int | None = None) -> None:
        super().__init__(reason)
        self.exit = exit


class Child:
    """A process that decodes one file after another. Used by one thread at a time."""

    def __init__(self) -> None:
        paths = [os.path.abspath(path) for path in sys.path]
        self._connection, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _AHEAD_BYTES)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-B", "-c", _CODE, json.dumps(paths), str(theirs.fileno())],
                stdin=subprocess.PIPE,  # its end tells the child that the parent is gone
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C in the terminal goes to the parent alone
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | _ONE_THREAD,
            )
        self._started = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def start(self, file_fd: int, job: tuple[str, tuple[Any, ...], int, float], timeout_s: float) -> None:
        """Have a file decoded: job is what `audiocnn.isolation.child` takes. Raises `ChildDiedError`."""
        data = json.dumps(job).encode()
        try:
            if not self._started:
                self._wait_until_ready()
            self._connection.settimeout(timeout_s)
            socket.send_fds(self._connection, [JOB], [file_fd])
            self._connection.sendall(struct.pack("<I", len(data)) + data)
        except (OSError, EOFError) as error:
            raise self._died("the decoder did not take the file") from error

    def next(self, timeout_s: float, largest: int) -> tuple[str, Message]:
        """The next message about the file. Raises `ChildDiedError`, also where the child had to be killed for it."""
        try:
            return receive(self._connection, time.monotonic() + timeout_s, largest)
        except TimeoutError as error:
            self.kill()
            raise ChildDiedError(f"decoding took longer than {timeout_s:.3g} s") from error
        except GarbledError as error:
            self.kill()
            raise ChildDiedError("the decoder crashed") from error
        except (OSError, EOFError) as error:
            raise self._died("the decoder crashed") from error

    def stop(self) -> None:
        """Tell it that nobody wants the rest of the file; its last message is still to come."""
        try:
            self._connection.sendall(STOP)
        except OSError as error:
            raise self._died("the decoder crashed") from error

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and release what belongs to it."""
        self.kill()
        self._connection.close()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _wait_until_ready(self) -> None:
        try:
            ready = read(self._connection, 1, time.monotonic() + _START_S) == READY
        except TimeoutError:
            ready = False
        except EOFError:
            if self._process.wait() == -signal.SIGKILL:
                raise
            ready = False
        if not ready:
            self.kill()
            raise DecoderPoolError(
                f"a decoder child did not start within {_START_S:g} s, or ended at once; "
                f"`{sys.executable} -c 'import audiocnn.isolation.child'` may say why"
            )
        self._started = True

    def _died(self, reason: str) -> ChildDiedError:
        """The connection is broken, so it is dead or about to be."""
        try:
            exit = self._process.wait(1)
        except subprocess.TimeoutExpired:
            self.kill()
            exit = None
        return ChildDiedError(reason, exit)


@contextmanager
def descriptor(file: BinaryIO) -> Iterator[int]:
    """A descriptor of the file that a child can read, for bytes in memory as well."""
    try:
        yield file.fileno()
        return
    except io.UnsupportedOperation:
        pass
    file.seek(0)
    with _memory_file() as copy:
        copy.write(file.getbuffer() if isinstance(file, io.BytesIO) else file.read())
        copy.flush()
        yield copy.fileno()


def _memory_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("audiocnn"), "wb")
    return tempfile.TemporaryFile()
