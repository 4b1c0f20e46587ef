"""What runs in a decoder child: `main`. It imports a decoder only when a file asks for it."""

import json
import math
import os
import resource
import signal
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from audiocnn.errors import MediaError
from audiocnn.isolation.messages import END, FAILED, GREEDY, ITEM, JOB, READY, REFUSED, Message, send
from audiocnn.source import readable

_MAX_FILES = 64
_MAX_TEXT = 10_000


def main(connection_fd: int) -> None:
    """Decode files until the parent closes the connection or dies."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # Ctrl-C and a stop of the whole group: the parent decides what they mean
    threading.Thread(target=_end_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_FILES, _MAX_FILES))
    with socket.socket(fileno=connection_fd) as connection:
        connection.sendall(READY)
        while True:
            signs, files, _, _ = socket.recv_fds(connection, 1, 1)
            if not signs:
                return
            if signs == JOB:  # a STOP here came too late for its file
                with readable(files[0], "the file") as file:
                    _answer(connection, file)


def _end_with_parent() -> None:
    """The parent holds the other end of the standard input and never writes to it."""
    os.read(0, 1)
    os._exit(0)


def _answer(connection: socket.socket, file: BinaryIO) -> None:
    (length,) = struct.unpack("<I", connection.recv(4, socket.MSG_WAITALL))
    name, arguments, memory_bytes, cpu_s = json.loads(connection.recv(length, socket.MSG_WAITALL))
    try:
        for message in _decode(file, name, arguments, memory_bytes, cpu_s):
            if _stopped(connection):
                break
            send(connection, ITEM, message)
        kind, last = END, Message()
    except MediaError as error:
        kind, last = REFUSED, Message({"code": error.code, "text": str(error)})
    except MemoryError:
        kind, last = GREEDY, Message()
    except ConnectionError:
        raise
    except Exception:
        kind, last = FAILED, Message({"text": traceback.format_exc()[-_MAX_TEXT:]})
    send(connection, kind, last)


def _decode(file: BinaryIO, name: str, arguments: list[Any], memory_bytes: int, cpu_s: float) -> Iterator[Message]:
    _limit(resource.RLIMIT_AS, None)  # loading a library takes much of it
    module, _, function = name.partition(":")
    decode: Callable[..., Any] = getattr(import_module(module), function)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime + cpu_s))
    taken = _address_space()
    if taken is not None:
        _limit(resource.RLIMIT_AS, taken + memory_bytes)
    file.seek(0)
    with closing(decode(file, *arguments)) as messages:
        yield from messages


def _limit(what: int, value: int | None) -> None:
    """Set a soft limit, None for the highest that there is."""
    _, most = resource.getrlimit(what)
    if value is None or (most != resource.RLIM_INFINITY and value > most):
        value = most
    resource.setrlimit(what, (value, most))


def _address_space() -> int | None:
    """Bytes of address space in use; None on macOS, which also has no limit for it."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return None
    return pages * resource.getpagesize()


def _stopped(connection: socket.socket) -> bool:
    """Whether the parent wants no more of this file; it sends nothing else meanwhile."""
    try:
        return bool(connection.recv(1, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False
