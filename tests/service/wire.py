"""HTTP by hand: clients that do what no library lets them do."""

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.service.server import Server

GIVE_UP_S = 30


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=GIVE_UP_S) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection, which it must do in time."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def exchange(server: Server, *pieces: bytes) -> bytes:
    """Send all, read until the server closes."""
    with connected(server) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return everything(connection)


def trickle(server: Server, start: bytes, byte: bytes, pause_s: float = 0.1) -> bytes:
    """Send `start`, then this byte now and then, until the server closes."""
    with connected(server) as connection:
        connection.sendall(start)
        connection.settimeout(pause_s)
        deadline = time.monotonic() + GIVE_UP_S
        received = b""
        while True:
            assert time.monotonic() < deadline, received
            with contextlib.suppress(TimeoutError, BrokenPipeError, ConnectionResetError):
                connection.sendall(byte)
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionResetError:
                return received
            if not piece:
                return received
            received += piece


def post(body: bytes, *headers: str, path: str = "/classify", version: str = "1.1") -> bytes:
    """A whole request with a sound."""
    lines = [
        f"POST {path} HTTP/{version}",
        "Host: x",
        "Content-Type: audio/wav",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def answers(received: bytes) -> list[httpx.Response]:
    """The responses in what came; each must have a Content-Length and be whole."""
    responses = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int(headers["content-length"])
        assert len(rest) >= length, received
        responses.append(httpx.Response(int(status_line.split()[1]), headers=headers, content=rest[:length]))
        received = rest[length:]
    return responses
