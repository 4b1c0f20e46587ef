"""How parent and child talk: JSON, and from the child one array. No pickle: from a child that hostile bytes have taken
over, it would run their code."""

import json
import math
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

ITEM, END, REFUSED, FAILED, GREEDY = "item", "end", "refused", "failed", "greedy"
"""Kinds of messages: one that the decoder yielded; the end of the file; a `MediaError` with `code` and `text`; any
other exception with its `text`; no memory left."""

READY, JOB, STOP = b"r", b"j", b"s"
"""Single bytes: a child that has started; a file for it; a file that nobody wants any more."""

_HEADER = struct.Struct("<II")  # bytes of JSON, bytes of the array
_MAX_JSON = 1 << 20
_TYPES = ("float32", "uint8")


class GarbledError(Exception):
    """What came is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a decoder yields. fields: anything that JSON can hold. array: float32 or uint8."""

    fields: dict[str, Any] = field(default_factory=dict)
    array: NDArray[Any] | None = None


def send(connection: socket.socket, kind: str, message: Message) -> None:
    """Send a message, however long the other side takes to read it."""
    head: dict[str, Any] = {"kind": kind, "fields": message.fields}
    body = memoryview(b"")
    if message.array is not None:
        array = np.ascontiguousarray(message.array)
        head |= {"type": str(array.dtype), "shape": array.shape}
        body = array.data.cast("B")
    text = json.dumps(head).encode()
    connection.sendall(_HEADER.pack(len(text), len(body)) + text)
    connection.sendall(body)


def receive(connection: socket.socket, deadline: float, largest: int) -> tuple[str, Message]:
    """The next message and its kind.

    deadline: on the clock of `time.monotonic`. largest: bytes of an array.
    Raises `TimeoutError` past the deadline, `EOFError` at the end of the connection, `GarbledError` for anything that
    is no message or too large.
    """
    text_bytes, array_bytes = _HEADER.unpack(read(connection, _HEADER.size, deadline))
    if text_bytes > _MAX_JSON or array_bytes > largest:
        raise GarbledError(f"a message of {text_bytes} + {array_bytes} bytes")
    try:
        head = json.loads(read(connection, text_bytes, deadline))
        kind, fields = str(head["kind"]), dict(head["fields"])
        if "type" not in head:
            return kind, Message(fields)
        shape = tuple(int(length) for length in head["shape"])
        dtype = np.dtype(_TYPES[_TYPES.index(head["type"])])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise GarbledError("the head of a message") from error
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != array_bytes:
        raise GarbledError(f"an array of shape {shape} in {array_bytes} bytes")
    return kind, Message(fields, np.frombuffer(read(connection, array_bytes, deadline), dtype).reshape(shape))


def read(connection: socket.socket, num_bytes: int, deadline: float) -> bytearray:
    """Exactly so many bytes. Raises `TimeoutError` and `EOFError`."""
    data = bytearray(num_bytes)
    view = memoryview(data)
    while view:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        try:
            count = connection.recv_into(view)
        except ConnectionError as error:
            raise EOFError from error
        if not count:
            raise EOFError
        view = view[count:]
    return data
