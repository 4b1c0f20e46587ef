"""WebSocket as uvicorn speaks it, but for peers that read nothing: they are dropped as on HTTP connections."""

import asyncio
import functools
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import MAX_LINE_LENGTH, MAX_NUM_HEADERS

MAX_HEADERS, MAX_HEADER_BYTES = MAX_NUM_HEADERS, MAX_LINE_LENGTH - len(": \r\n")
"""More of them, or a longer one, and websockets answers nothing to the head of a handshake."""


def guarded_sockets(write_timeout_s: float) -> type[asyncio.Protocol]:
    """What `uvicorn.Config(ws=...)` takes: `GuardedSocket` with this limit."""
    return cast(type[asyncio.Protocol], functools.partial(GuardedSocket, write_timeout_s=write_timeout_s))


class GuardedSocket(WebSocketsSansIOProtocol):
    """One connection, from its handshake on. write_timeout_s: how long a peer may leave unread what it was sent."""

    def __init__(self, *args: Any, write_timeout_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._write_timeout_s = write_timeout_s
        self._drop_timer: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_drop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated:  # its whole head was in this data
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_drop_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_drop_timer()

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # a pong more for who reads none would only wait in memory

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.conn.send_close(1007)  # uvicorn does so too, and fills the log with it
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # too late to say why, as uvicorn would
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if not self.disconnected:  # the peer has the last word, or nothing to read it with
            self._start_drop_timer()

    def _start_drop_timer(self) -> None:
        self._stop_drop_timer()
        self._drop_timer = self.loop.call_later(self._write_timeout_s, self.transport.abort)

    def _stop_drop_timer(self) -> None:
        if self._drop_timer is not None:
            self._drop_timer.cancel()
            self._drop_timer = None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
