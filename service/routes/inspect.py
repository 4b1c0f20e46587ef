"""`POST /v1/inspect`: what a model makes of a file on the way to its answer."""

import asyncio
import json
import time
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from service.engines import InspectRequest
from service.openapi import UPLOAD, problems
from service.receive.body import uploaded_files
from service.receive.presence import while_present
from service.receive.query import each_once
from service.schemas import InspectParameters, InspectResponse, ModelBody
from service.state import SharedState

router = APIRouter()


@router.post(
    "/v1/inspect",
    tags=["inspect"],
    dependencies=[Depends(each_once)],
    response_model=InspectResponse,
    responses=problems([400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504]),
    openapi_extra=UPLOAD,
)
async def inspect(
    request: Request, parameters: Annotated[InspectParameters, Query()], service: SharedState
) -> Response:
    """A look inside: maps of the layers over the file, filters, receptive fields, where each class was seen.

    Small enough to draw: the strongest channels of each map, in so many columns. Nothing in it is needed for labels,
    which are those of `POST /classify`.
    """
    started_s = time.monotonic()
    deadline_s = request.state.arrived_s + service.settings.classify_timeout_s
    spec, info = service.engine.find(parameters.model)
    async with uploaded_files(request, service.memory, service.settings, spec.input.media, most=1) as (upload,):
        asked = InspectRequest(
            upload.data,
            parameters.model,
            parameters.layer,
            parameters.rows,
            parameters.columns,
            parameters.silence,
            deadline_s,
        )
        seen = await while_present(request, service.engine.inspect(asked))

    def body() -> bytes:
        told = {
            "request_id": request.state.request_id,
            "model": ModelBody(name=info.name, version=info.version, sha256=info.sha256).model_dump(),
            **seen.to_json(parameters.top_k),
            "timing_ms": {"total": round(1000 * (time.monotonic() - started_s), 3)},
        }
        return json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    return Response(await asyncio.to_thread(body), media_type="application/json")
