"""The endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse

from service.body import uploaded_file
from service.errors import NotReadyError
from service.openapi import UPLOAD, problems
from service.schemas import ClassifyParameters, ClassifyResponse, ModelsResponse, ServedModel, StatusBody
from service.state import SharedState

router = APIRouter()


@router.post(
    "/classify",
    tags=["classify"],
    response_model=ClassifyResponse,
    responses=problems([400, 408, 413, 415, 422, 500, 503, 504]),
    openapi_extra=UPLOAD,
)
async def classify(
    request: Request, parameters: Annotated[ClassifyParameters, Query()], service: SharedState
) -> JSONResponse:
    """Labels for one recording, image, video or volume, whichever the model takes; best first, scores from 0 to 1.

    `curl -F file=@song.wav 'http://localhost:8000/classify?top_k=3'` or
    `curl --data-binary @song.wav -H 'Content-Type: audio/wav' http://localhost:8000/classify`
    """
    if not service.engine.ready:
        raise NotReadyError("the model is not loaded; try again shortly")
    media = service.engine.model[0].input.media
    async with uploaded_file(request, service.memory, service.settings, media) as file:
        result = await service.engine.classify(file)
    answer = result.to_json(top_k=parameters.top_k, threshold=parameters.threshold, segments=parameters.segments)
    return JSONResponse({"request_id": request.state.request_id, **answer})


@router.get("/v1/models", tags=["models"], responses=problems([500, 503]))
async def models(service: SharedState) -> ModelsResponse:
    """The model that answers: its labels, its input, its measured quality."""
    spec, info = service.engine.model
    return ModelsResponse(models=[ServedModel.of(spec, info.sha256)])


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
