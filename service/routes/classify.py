"""`POST /classify`."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from service.errors import NotReadyError
from service.openapi import UPLOAD, problems
from service.receive.body import uploaded_file
from service.receive.presence import while_present
from service.schemas import ClassifyParameters, ClassifyResponse
from service.state import SharedState

router = APIRouter()


@router.post(
    "/classify",
    tags=["classify"],
    response_model=ClassifyResponse,
    responses=problems([400, 401, 408, 413, 415, 422, 429, 500, 503, 504]),
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
        deadline_s = request.state.arrived_s + service.settings.classify_timeout_s
        result = await while_present(request, service.engine.classify(file, deadline_s))
    answer = result.to_json(top_k=parameters.top_k, threshold=parameters.threshold, segments=parameters.segments)
    return JSONResponse({"request_id": request.state.request_id, **answer})
