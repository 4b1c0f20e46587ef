"""What surrounds every request: its id, its line in the log and its count, the answer of last resort, a polite end."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiocnn.errors import MediaError
from service.errors import STATUS, internal_problem
from service.observe.metrics import CLIENT_LEFT
from service.state import ServiceState

logger = logging.getLogger("audiocnn.service")

LINGER_S = 2.0
"""How long the rest of a refused body is read and dropped. Closing at once would reset the connection, and many
clients lose the answer then; they read it only after they have sent everything."""

_ABOUT_MEDIA = {getattr(error, "code", "") for error in STATUS if issubclass(error, MediaError)}
_NO_ROUTE = "(no route)"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestContext:
    """Outermost middleware.

    The request's `X-Request-ID`, or a new one if it has none that is safe to log, is in `request.state.request_id` and
    in the response; a valid `traceparent` is passed back. The log tells route and status, never a path or a file name.
    `request.state.arrived_s` is when its first byte came, in seconds of `time.monotonic`.
    """

    def __init__(self, app: ASGIApp, service: ServiceState) -> None:
        self.app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _Exchange(scope, receive, send, self._service).run(self.app)
        elif scope["type"] == "websocket":
            await self._open(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket has no answer, but for one that is refused."""
        state = scope.setdefault("state", {})
        state["request_id"] = _request_id(Headers(scope=scope))

        async def send_refusal(message: Message) -> None:
            if message["type"] == "websocket.http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = state["request_id"]
                self._service.metrics.refused_unread(message["status"], state["problem_code"])
            await send(message)

        await self.app(scope, receive, send_refusal)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


class _Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, service: ServiceState) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._service = service
        self._status = 0
        self._finished = False
        headers = Headers(scope=scope)
        self._request_id = _request_id(headers)
        traceparent = headers.get("traceparent", "")
        self._traceparent = traceparent if _TRACEPARENT.fullmatch(traceparent) else None
        self._body_unread = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        self._state: MutableMapping[str, Any] = scope.setdefault("state", {})
        self._state["request_id"] = self._request_id
        # `GuardedProtocol` has seen the first byte of the head; other servers tell nothing before its end.
        self._arrived_s: float = self._state.setdefault("arrived_s", time.monotonic())

    async def run(self, app: ASGIApp) -> None:
        self._service.metrics.request_began()
        try:
            await self._answer(app)
        finally:
            self._finish()

    async def _answer(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self.receive, self.send)
        except ClientDisconnect:
            self._status = CLIENT_LEFT
        except Exception:
            logger.exception("request %s failed", self._request_id)
            if self._status:
                raise
            await internal_problem(Request(self._scope))(self._scope, self.receive, self.send)

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            if self._traceparent:
                headers["traceparent"] = self._traceparent
            if self._body_unread or self._service.draining:
                headers["Connection"] = "close"
        elif not message.get("more_body", False):
            # Before it is sent: who has its answer has been counted, also if this process is killed right now.
            self._finish()
            if self._body_unread:
                await self._send({**message, "more_body": True})
                await self._linger()
                message = {"type": "http.response.body"}
        await self._send(message)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                while self._body_unread:
                    await self.receive()
        except TimeoutError:
            return

    def _finish(self) -> None:
        """Count the request and log it, once."""
        if self._finished:
            return
        self._finished = True
        route = getattr(self._scope.get("route"), "path", _NO_ROUTE)
        status = self._status or CLIENT_LEFT
        took_s = time.monotonic() - self._arrived_s
        self._service.metrics.request_ended(route, status, took_s)
        problem_code = self._state.get("problem_code")
        if problem_code and status != 500 and problem_code not in _ABOUT_MEDIA:
            self._service.metrics.rejected(problem_code)
        logger.info(
            "%s %s %s %.0f ms %s",
            self._scope["method"],
            route,
            "client left" if status == CLIENT_LEFT else status,
            1000 * took_s,
            self._request_id,
            extra={
                "http_method": self._scope["method"],
                "http_route": route,
                "http_status": status,
                "problem": problem_code,
                "duration_s": round(took_s, 6),
                "request_id": self._request_id,
                "traceparent": self._traceparent,
            },
        )
