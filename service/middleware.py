"""What surrounds every request: its id, its line in the log, the answer of last resort, and a polite end."""

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

from service.errors import internal_problem

logger = logging.getLogger("audiocnn.service")

LINGER_S = 2.0
"""How long the rest of a refused body is read and dropped. Closing at once would reset the connection, and many
clients lose the answer then; they read it only after they have sent everything."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class RequestContext:
    """Outermost middleware.

    The request's `X-Request-ID`, or a new one if it has none that is safe to log, is in `request.state.request_id` and
    in the response; a valid `traceparent` is passed back. The log tells route and status, never a path or a file name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(scope, receive, send).run(self.app)


class _Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = time.perf_counter()
        self._status = 0
        headers = Headers(scope=scope)
        given_id = headers.get("x-request-id", "")
        self._request_id = given_id if _REQUEST_ID.fullmatch(given_id) else str(uuid.uuid4())
        traceparent = headers.get("traceparent", "")
        self._traceparent = traceparent if _TRACEPARENT.fullmatch(traceparent) else None
        self._body_unread = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = self._request_id

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope, self.receive, self.send)
        except ClientDisconnect:
            self._log("client left")
            return
        except Exception:
            logger.exception("request %s failed", self._request_id)
            if self._status:
                raise
            await internal_problem(Request(self._scope))(self._scope, self.receive, self.send)
        self._log(str(self._status))

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
            if self._body_unread:
                headers["Connection"] = "close"
        elif self._body_unread and not message.get("more_body", False):
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

    def _log(self, outcome: str) -> None:
        route = getattr(self._scope.get("route"), "path", "(no route)")
        took_ms = 1000 * (time.perf_counter() - self._started)
        logger.info("%s %s %s %.0f ms %s", self._scope["method"], route, outcome, took_ms, self._request_id)
