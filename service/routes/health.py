"""Whether the process lives, whether it wants requests, and what it has counted."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.errors import NotReadyError
from service.openapi import problems
from service.schemas import StatusBody
from service.state import SharedState

router = APIRouter()


@router.head("/livez", include_in_schema=False)
@router.get("/livez", tags=["health"])
async def livez() -> StatusBody:
    """200 as long as the process answers at all, also while it drains: restart it if not."""
    return StatusBody(status="alive")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", tags=["health"], responses=problems([503]))
@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", name="healthz", tags=["health"], responses=problems([503]))
async def readyz(service: SharedState) -> StatusBody:
    """200 while new requests are welcome; 503 while the model loads and once the process is about to stop."""
    if service.draining:
        raise NotReadyError("the service is about to stop; use another instance")
    if not service.engine.ready:
        raise NotReadyError("the model is not loaded; try again shortly")
    return StatusBody(status="ready")


@router.get(
    "/metrics",
    tags=["health"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, service: SharedState) -> Response:
    """What the service has counted, over all its processes, for Prometheus."""
    accept = request.headers.get("accept", "")
    # Several processes keep their numbers in files, which take a moment to read.
    text, content_type = await asyncio.to_thread(service.metrics.exposition, accept)
    return Response(text, media_type=content_type)
