"""Decoders that do what a broken or captured one may do. They run in a child of a `DecoderPool`."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from audiocnn.isolation.messages import Message


def count(file: BinaryIO, number: int, pause_s: float = 0) -> Iterator[Message]:
    for at in range(number):
        time.sleep(pause_s)
        yield Message({"at": at}, np.full((2, 3), at, np.float32))


def echo(file: BinaryIO, start: int) -> Iterator[Message]:
    file.seek(start)
    yield Message(array=np.frombuffer(file.read(), np.uint8))


def surroundings(file: BinaryIO) -> Iterator[Message]:
    files = len(os.listdir("/proc/self/fd"))
    yield Message({"modules": list(sys.modules), "environment": dict(os.environ), "files": files})


def work(file: BinaryIO, cpu_s: float) -> Iterator[Message]:
    started = time.process_time()
    while time.process_time() - started < cpu_s:
        pass
    yield Message()


def spin(file: BinaryIO) -> Iterator[Message]:
    yield Message()
    while True:
        pass


def sleep(file: BinaryIO) -> Iterator[Message]:
    yield Message({"pid": os.getpid()})
    time.sleep(3600)


def open_with_libsndfile(file: BinaryIO) -> Iterator[Message]:
    """Without the care that `SndfileReader` takes."""
    import soundfile

    yield Message()
    soundfile.SoundFile(file.fileno(), closefd=False)


def eat(file: BinaryIO, in_python: bool) -> Iterator[Message]:
    hoard = []
    while True:
        hoard.append(bytearray(2**24) if in_python else np.ones(2**24, np.uint8))
    yield Message()


def crash(file: BinaryIO) -> Iterator[Message]:
    yield Message()
    ctypes.string_at(0)


def leave(file: BinaryIO) -> Iterator[Message]:
    yield Message()
    os._exit(0)


def kill_itself(file: BinaryIO) -> Iterator[Message]:
    yield Message()
    os.kill(os.getpid(), signal.SIGKILL)


def fail(file: BinaryIO) -> Iterator[Message]:
    yield Message()
    raise ZeroDivisionError("a secret of the library")


def babble(file: BinaryIO, data: str) -> Iterator[Message]:
    """Writes to every open descriptor, so to the parent too."""
    for number in range(3, 20):
        try:
            os.write(number, bytes.fromhex(data))
        except OSError:
            continue
    time.sleep(60)
    yield Message()


def write(file: BinaryIO, path: str) -> Iterator[Message]:
    with open(path, "w") as other:
        other.write("x")
    yield Message()


def allocate(file: BinaryIO, num_bytes: int) -> Iterator[Message]:
    yield Message(array=np.zeros(num_bytes, np.uint8))
