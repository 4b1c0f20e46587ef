"""Whether the process lives, and whether it wants requests."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

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


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    return RedirectResponse("/docs")
