"""The pages for people and what they load: files of `service/static`, all from this service."""

from pathlib import Path

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.staticfiles import StaticFiles

from service.routes.whole import ACCEPT_RANGES, whole_files

router = APIRouter(include_in_schema=False, dependencies=[Depends(whole_files)])

_FILES = StaticFiles(directory=Path(__file__).parents[1] / "static")
# No inline script or style and nothing from another host. `blob:` is the visitor's own file, to see and to hear.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src blob:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    **ACCEPT_RANGES,
    "Cache-Control": "no-cache",  # asked for again each time, and answered 304: never parts of two versions
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
}


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    return await _file("index.html", request)


@router.api_route("/lectures", methods=["GET", "HEAD"])
async def lectures(request: Request) -> Response:
    return await _file("lectures.html", request)


@router.api_route("/card", methods=["GET", "HEAD"])
async def card(request: Request) -> Response:
    return await _file("card.html", request)


@router.api_route("/static/{path:path}", methods=["GET", "HEAD"])
async def static(path: str, request: Request) -> Response:
    return await _file(path, request)


async def _file(path: str, request: Request) -> Response:
    """The file with its ETag, or 304 for who has it. Raises `HTTPException` 404."""
    response = await _FILES.get_response(path, request.scope)
    response.headers.update(_HEADERS)
    return response
