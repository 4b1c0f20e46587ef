"""What every answer tells browsers to do and not to do, and which of them may ask from other sites (CORS)."""

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOR_ANSWERS = b"default-src 'none'; frame-ancestors 'none'"
# What Swagger UI needs; nothing comes from another host.
_FOR_PAGES = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_POLICY = b"content-security-policy"

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
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", []))
                given = {name.lower(): value for name, value in headers}
                is_page = given.get(b"content-type", b"").startswith(b"text/html")
                for name, value in SECURITY_HEADERS:
                    if name not in given:
                        headers.append((name, _FOR_PAGES if is_page and name == _POLICY else value))
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let pages of these origins use `app`.

    origins: as browsers send them, such as `https://example.org`, or `*` for all.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Traceparent", "X-API-Key", "X-Request-ID"],
        expose_headers=["Location", "Retry-After", "Traceparent", "X-Request-ID"],
    )
