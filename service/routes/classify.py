"""`POST /classify`."""

import asyncio
import functools
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from service.engines import ClassifyRequest
from service.errors import INTERNAL, OverloadedError, told
from service.openapi import UPLOAD, problems
from service.receive.body import uploaded_files
from service.receive.multipart import Upload
from service.receive.presence import while_present
from service.receive.query import each_once
from service.schemas import ClassifyParameters, ClassifyResponse, SeveralResponse
from service.state import ServiceState, SharedState

logger = logging.getLogger("audiocnn.service")
router = APIRouter()


@router.post(
    "/classify",
    tags=["classify"],
    dependencies=[Depends(each_once)],
    response_model=ClassifyResponse | SeveralResponse,
    responses=problems([400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504]),
    openapi_extra=UPLOAD,
)
async def classify(
    request: Request, parameters: Annotated[ClassifyParameters, Query()], service: SharedState
) -> JSONResponse:
    """Labels for one recording, image, video or volume, whichever the model takes; best first, scores from 0 to 1.

    `curl -F file=@song.wav 'http://localhost:8000/classify?top_k=3'` or
    `curl --data-binary @song.wav -H 'Content-Type: audio/wav' http://localhost:8000/classify`

    Several fields `file` in one form get an item each, in their order: a result, or the problem with this file.
    """
    deadline_s = request.state.arrived_s + service.settings.classify_timeout_s
    media = service.engine.find(parameters.model)[0].input.media
    async with uploaded_files(request, service.memory, service.settings, media) as uploads:
        answers = _Answers(service, parameters, deadline_s)
        if len(uploads) == 1:
            body = await while_present(request, answers.alone(uploads[0]))
        else:
            body = {"items": await while_present(request, answers.items(request, uploads))}
    answer = {"request_id": request.state.request_id, **body}
    return await asyncio.to_thread(JSONResponse, answer) if parameters.segments else JSONResponse(answer)


class _Answers:
    """What one request asks of each of its files."""

    def __init__(self, service: ServiceState, parameters: ClassifyParameters, deadline_s: float) -> None:
        self._service = service
        self._parameters = parameters
        self._deadline_s = deadline_s
        self._at_once = asyncio.Semaphore(service.settings.workers)  # one request is not to fill the queue

    async def alone(self, upload: Upload) -> dict[str, Any]:
        asked = self._parameters
        result = await self._service.engine.classify(
            ClassifyRequest(upload.data, asked.model, asked.window_s, asked.hop_s, self._deadline_s)
        )
        to_json = functools.partial(
            result.to_json, top_k=asked.top_k, threshold=asked.threshold, segments=asked.segments
        )
        return await asyncio.to_thread(to_json) if asked.segments else to_json()  # thousands of windows take a while

    async def items(self, request: Request, uploads: list[Upload]) -> list[dict[str, Any]]:
        """An item for each file. Raises `OverloadedError` if there was no place for any."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._outcome(upload)) for upload in uploads]
        outcomes = [task.result() for task in tasks]
        if all(isinstance(outcome, OverloadedError) for outcome in outcomes):
            raise OverloadedError("too many files are waiting already; try again shortly")
        return [
            {"index": index, "file": upload.name, **self._item(request, outcome)}
            for index, (upload, outcome) in enumerate(zip(uploads, outcomes, strict=True))
        ]

    async def _outcome(self, upload: Upload) -> dict[str, Any] | Exception:
        try:
            async with self._at_once:
                return await self.alone(upload)
        except Exception as error:
            return error

    def _item(self, request: Request, outcome: dict[str, Any] | Exception) -> dict[str, Any]:
        if not isinstance(outcome, Exception):
            return {"status": 200, "result": {"request_id": request.state.request_id, **outcome}}
        problem = told(outcome)
        if problem is INTERNAL:
            logger.error("request %s failed", request.state.request_id, exc_info=outcome)
        return {"status": problem.status, "problem": problem.body(request.url.path, request.state.request_id)}
