"""What every answer tells browsers to do and not to do, and which of them may ask from other sites (CORS)."""

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import ForbiddenError, known_problem

_FOR_ANSWERS = b"default-src 'none'; frame-ancestors 'none'"
# What Swagger UI needs; nothing comes from another host.
_FOR_PAGES = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_POLICY = b"content-security-policy"
_STARTS = ("http.response.start", "websocket.http.response.start")  # the second refuses a WebSocket

SECURITY_HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (_POLICY, _FOR_ANSWERS),
)
"""Of an answer that is no page."""


class SecurityHeaders:
    """Middleware: adds `SECURITY_HEADERS`, and to HTML the policy that its scripts need.

    A header that the application has set itself stays.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] in _STARTS:
                headers = list(message.get("headers", []))
                given = {name.lower(): value for name, value in headers}
                is_page = given.get(b"content-type", b"").startswith(b"text/html")
                for name, value in SECURITY_HEADERS:
                    if name not in given:
                        headers.append((name, _FOR_PAGES if is_page and name == _POLICY else value))
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_with_headers)


class _Cors(CORSMiddleware):
    """Its answers to preflights are those of the service: no text, and a problem for who may not."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_options = scope["type"] == "http" and scope["method"] == "OPTIONS"
        headers = Headers(scope=scope) if is_options else Headers()
        if "origin" not in headers or "access-control-request-method" not in headers:
            await super().__call__(scope, receive, send)
            return
        allowed = self.preflight_response(headers)
        if allowed.status_code == 200:
            shown = {name: value for name, value in allowed.headers.items() if not name.startswith("content-")}
            response: Response = Response(status_code=204, headers=shown)
        else:
            refusal = ForbiddenError("pages of this origin may not ask this; its operator sets AUDIOCNN_CORS_ORIGINS")
            response = await known_problem(HTTPConnection(scope), refusal)
            response.headers["Vary"] = "Origin"
        await response(scope, receive, send)


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins use `app`.

    origins: as browsers send them, such as `https://example.org`, or `*` for all.
    """
    app.add_middleware(
        _Cors,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Traceparent", "X-API-Key", "X-Request-ID"],
        expose_headers=["Location", "Retry-After", "Traceparent", "X-Request-ID"],
    )
