"""HTTP/1.1 as uvicorn reads it, with the limits that uvicorn leaves to a proxy.

A request's head must come whole within a time and a size, a peer that does not read its answer is dropped, connections
are counted, and what is no HTTP is answered as a problem. Deadlines of the body and of the answer are the
application's, which finds the arrival of a request's first byte in `request.state.arrived_s`.
"""

import asyncio
import functools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.guard.headers import SECURITY_HEADERS
from service.guard.heads import fault_of, handshake_fault_of
from service.guard.sockets import MAX_HEADER_BYTES, MAX_HEADERS
from service.problem import RETRY_AFTER_S, problem_bytes

LINGER_S = 2.0
"""How long what a refused client still sends is read and dropped: closing at once would reset the connection, and the
client would lose the answer."""

_MAX_PIPELINED = 16  # a connection may ask that much ahead; one read of small requests would otherwise start thousands

_PER_HEADER = len(": \r\n")
_NO_HTTP = "the request is not well-formed HTTP; check its request line, its headers and, if any, its chunks"


@dataclass(frozen=True)
class ConnectionLimits:
    """max_connections: of one process; up to twice as many are told so, more are dropped. head_timeout_s: from the
    first byte to the end of a request's head, and for a new connection to send anything. max_head_bytes: request line
    and headers. write_timeout_s: how long a peer may leave an answer unread."""

    max_connections: int
    head_timeout_s: float
    max_head_bytes: int
    write_timeout_s: float


def guarded(limits: ConnectionLimits, refused: Callable[[int, str], None]) -> type[asyncio.Protocol]:
    """What `uvicorn.Config(http=...)` takes: `GuardedProtocol` with these limits.

    refused: called with the status and the code of every refusal.
    """
    return cast(type[asyncio.Protocol], functools.partial(GuardedProtocol, limits=limits, refused=refused))


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self, *args: Any, limits: ConnectionLimits, refused: Callable[[int, str], None], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._refused = refused
        self._in_head = True  # the next byte belongs to a request's head, or is the first of one
        self._head_begun = False
        self._head_bytes = 0
        self._unanswered: deque[RequestResponseCycle] = deque()  # at work, and pipelined behind it
        self._closing = False  # nothing that still comes is parsed
        self._last = False  # the process stops: the request at work is the last one
        self._head_timer: asyncio.TimerHandle | None = None
        self._drop_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        excess = len(self.connections) - self._limits.max_connections
        if excess > self._limits.max_connections:
            transport.abort()
        elif excess > 0:
            self._refuse(503, "Too many connections", "too_many_connections", "try again shortly, on one connection")
        else:
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_drop_timer()
        super().connection_lost(exc)
        # uvicorn tells the latest request only that its client has gone.
        for cycle in self._unanswered:
            self._abandon(cycle)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._unset_keepalive_if_required()
        if self._in_head:
            self._head_bytes += len(data)
            self._start_head_timer()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._unanswered:
                # Answered in HTTP/1.1, as RFC 9110 allows; what follows the head is lost to the parser.
                self._close_after_answer()
            elif self._should_upgrade() and not self._closing:
                self.handle_websocket_upgrade()
        except httptools.HttpParserError:
            if not self._closing:  # what is refused already is not parsed to its end
                self._malformed()
        else:
            if self._in_head and self._head_bytes > self._limits.max_head_bytes and not self._closing:
                self._head_too_large()

    def on_message_begin(self) -> None:
        if self._closing:
            return
        super().on_message_begin()
        self.scope["state"]["arrived_s"] = time.monotonic()
        self._head_begun = True
        self._start_head_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._closing:
            return
        if self._in_head:
            super().on_header(name, value)
            return
        # A trailer: nobody reads them, and they must not look like headers. They cost the sender its allowance.
        self._head_bytes += len(name) + len(value) + _PER_HEADER
        if self._head_bytes > self._limits.max_head_bytes:
            self._malformed()

    def on_headers_complete(self) -> None:
        if self._closing:
            return
        self._stop_head_timer()
        self._in_head = self._head_begun = False
        self._head_bytes = len(self.url) + sum(len(name) + len(value) + _PER_HEADER for name, value in self.headers)
        if self._head_bytes > self._limits.max_head_bytes:
            self._head_too_large()
        elif fault := fault_of(self.parser.get_http_version(), self.headers):
            self._malformed(fault)
        elif self.parser.should_upgrade() and self._should_upgrade():
            self._check_handshake()
        elif len(self.pipeline) >= _MAX_PIPELINED:
            self._close_after_answer()
        else:
            before = self.cycle
            super().on_headers_complete()
            if self.cycle is not before:
                self._unanswered.append(self.cycle)
                self.cycle.keep_alive = self.cycle.keep_alive and not self._last

    def on_body(self, body: bytes) -> None:
        if not self._closing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._closing:
            super().on_message_complete()
            self._in_head = True
            self._head_bytes = 0

    def on_response_complete(self) -> None:
        self._unanswered.popleft()
        super().on_response_complete()
        if self.transport.is_closing():  # once its answer is sent, which is up to the peer
            self._start_drop_timer(self._limits.write_timeout_s)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._start_drop_timer(self._limits.write_timeout_s)

    def shutdown(self) -> None:
        if self._head_begun and not self._unanswered and not self._closing:
            self._last = True  # the rest of the head is on its way, or its deadline ends the connection
        elif not self._closing:
            super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_drop_timer(self._limits.write_timeout_s)

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_drop_timer()

    def _head_late(self) -> None:
        self._head_timer = None
        if self._unanswered:
            self._close_after_answer()
        elif self._head_bytes == 0 and not self._head_begun:
            self.transport.close()
        else:
            seconds = self._limits.head_timeout_s
            self._refuse(
                408, "The request came too slowly", "slow_headers", f"the headers must arrive within {seconds:g} s"
            )

    def _check_handshake(self) -> None:
        """Refuse what would begin no WebSocket: its library answers with text, or not at all."""
        if len(self.headers) > MAX_HEADERS or any(len(n) + len(v) > MAX_HEADER_BYTES for n, v in self.headers):
            self._head_too_large(f"a WebSocket begins with at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes")
        elif len(self.url) > MAX_HEADER_BYTES - len("GET HTTP/1.1"):
            self._head_too_large(f"a WebSocket begins with an address of less than {MAX_HEADER_BYTES} bytes")
        elif fault := handshake_fault_of(self.parser.get_method(), self.parser.get_http_version(), self.headers):
            self._malformed(fault)
        elif not self._unanswered:
            super().on_headers_complete()

    def _head_too_large(self, accepted: str | None = None) -> None:
        accepted = accepted or f"at most {self._limits.max_head_bytes} bytes of request line and headers are accepted"
        if self._unanswered:
            self._close_after_answer()
        else:
            self._refuse(431, "The request headers are too large", "headers_too_large", f"{accepted}; send fewer")

    def _malformed(self, fault: str = _NO_HTTP) -> None:
        """What came is no HTTP: the answer, unless it could be taken for that of an earlier request."""
        if self._unanswered and not self.cycle.more_body:
            self._close_after_answer()
        elif len(self._unanswered) > 1 or any(cycle.response_started for cycle in self._unanswered):
            self._closing = True
            self.transport.close()
        else:
            self._refuse(400, "The request is malformed", "malformed_request", fault)
            for cycle in self._unanswered:
                self._abandon(cycle)

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True
        cycle.message_event.set()

    def _close_after_answer(self) -> None:
        self._closing = True
        self.cycle.keep_alive = False

    def _refuse(self, status: int, title: str, code: str, detail: str) -> None:
        self._closing = True
        self._stop_head_timer()
        self._refused(status, code)
        body, request_id = problem_bytes(status, title=title, detail=detail, code=code)
        head = [
            *self.server_state.default_headers,
            *SECURITY_HEADERS,
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
        ]
        if status == 503:
            head.append((b"retry-after", b"%d" % RETRY_AFTER_S))
        lines = b"".join(b"%s: %s\r\n" % field for field in head)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + body)
        self.flow.resume_reading()
        self.transport.write_eof()
        self._start_drop_timer(LINGER_S)

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._limits.head_timeout_s, self._head_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _start_drop_timer(self, seconds: float) -> None:
        self._stop_drop_timer()
        self._drop_timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_drop_timer(self) -> None:
        if self._drop_timer is not None:
            self._drop_timer.cancel()
            self._drop_timer = None
