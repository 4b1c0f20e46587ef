"""API keys: who may use the service, and how often."""

import hashlib
import hmac
import math
from collections.abc import Collection, Sequence

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import RateLimitedError, RequestError, UnauthorizedError, known_problem
from service.guard.rate import RateLimit

OPEN_PATHS = frozenset(
    {
        *("/", "/lectures", "/card"),
        *("/docs", "/docs/start.js", "/docs/swagger-ui.js", "/docs/swagger-ui.css", "/openapi.json"),
        *("/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready"),
    }
)
"""Never ask for a key: what the service is, its pages, and whether it is well."""

_OPEN_FOLDER = "/static/"


class ApiKeys:
    """Middleware: answers 401 without a key that is known, 429 with one that asks too often.

    The key comes as `Authorization: Bearer KEY` or `X-API-Key: KEY`. open_paths: served without.
    """

    def __init__(
        self, app: ASGIApp, digests: Sequence[bytes], open_paths: Collection[str], rate: RateLimit | None
    ) -> None:
        self.app = app
        self._digests = digests
        self._open_paths = open_paths
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            self._admit(Headers(scope=scope))
        except RequestError as error:
            await (await known_problem(HTTPConnection(scope), error))(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(_OPEN_FOLDER)

    def _admit(self, headers: Headers) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        index = self._index(key)
        if index is None:
            said = "this API key is not known" if key else "this needs an API key"
            raise UnauthorizedError(f"{said}; send yours as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'")
        if self._rate is not None and (wait_s := self._rate.take(index)) > 0:
            raise RateLimitedError(
                f"this API key may ask {self._rate.per_minute} times a minute; try again in {math.ceil(wait_s)} s",
                math.ceil(wait_s),
            )

    def _index(self, key: str) -> int | None:
        """Which key it is. All are compared, each in constant time, so that the time taken tells nothing."""
        digest = hashlib.sha256(key.encode("latin-1")).digest()
        found = None
        for index, known in enumerate(self._digests):
            if hmac.compare_digest(digest, known):
                found = index
        return found
