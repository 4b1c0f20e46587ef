"""`/docs`: Swagger UI, all of it from this service, so that it works without the internet and tells nobody."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, HTMLResponse, Response

from service.routes.whole import ACCEPT_RANGES, whole_files

router = APIRouter(prefix="/docs", include_in_schema=False, dependencies=[Depends(whole_files)])

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>audiocnn</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true});
"""
_CACHED = {**ACCEPT_RANGES, "Cache-Control": "public, max-age=86400"}


@router.get("")
async def docs() -> HTMLResponse:
    return HTMLResponse(_PAGE)


@router.get("/start.js")
async def start() -> Response:
    return Response(_START, media_type="text/javascript", headers=_CACHED)


@router.get("/swagger-ui.js")
async def script() -> FileResponse:
    return FileResponse(_file("swagger-ui-bundle.js"), media_type="text/javascript", headers=_CACHED)


@router.get("/swagger-ui.css")
async def style() -> FileResponse:
    return FileResponse(_file("swagger-ui.css"), media_type="text/css", headers=_CACHED)


def _file(name: str) -> Path:
    """A file of Swagger UI, which the package fastapi-offline brings along."""
    return Path(str(files("fastapi_offline"))) / "static" / name
