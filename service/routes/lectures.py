"""The examples of the lectures' page, computed by the library's own blocks."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from service.errors import InvalidTensorError, MalformedBodyError, body_faults_of
from service.lectures import blocks
from service.lectures.neighbours import ask_neighbours
from service.openapi import json_body, problems
from service.receive.body import only_json, whole_body
from service.schemas.lectures import (
    ConvolutionRequest,
    ConvolutionResponse,
    DigitRequest,
    DigitResponse,
    NeighboursResponse,
    PoolingRequest,
    PoolingResponse,
)
from service.state import ServiceState, SharedState

router = APIRouter(prefix="/v1/lectures", tags=["lectures"])
MAX_BYTES = 262_144

Body = TypeVar("Body", bound=BaseModel)
_ERRORS = problems([400, 401, 408, 413, 415, 422, 429, 500, 503])


@router.post(
    "/convolution", response_model=ConvolutionResponse, responses=_ERRORS, openapi_extra=json_body(ConvolutionRequest)
)
async def convolution(request: Request, service: SharedState) -> dict[str, Any]:
    """Filters slid over a signal or a picture: stride, padding, many channels."""
    return await _answer(request, service, ConvolutionRequest, blocks.convolve)


@router.post("/pooling", response_model=PoolingResponse, responses=_ERRORS, openapi_extra=json_body(PoolingRequest))
async def pooling(request: Request, service: SharedState) -> dict[str, Any]:
    """The largest or the mean value of each window."""
    return await _answer(request, service, PoolingRequest, blocks.pool)


@router.post("/digit", response_model=DigitResponse, responses=_ERRORS, openapi_extra=json_body(DigitRequest))
async def digit(request: Request, service: SharedState) -> dict[str, Any]:
    """LeNet-5's scores for a handwritten digit, with its filters and the maps of its layers."""
    return await _answer(request, service, DigitRequest, blocks.read_digit)


@router.post("/neighbours", response_model=NeighboursResponse, responses=_ERRORS, openapi_extra=json_body(DigitRequest))
async def neighbours(request: Request, service: SharedState) -> dict[str, Any]:
    """A handwritten digit with its pixels in order and shuffled, each for networks that were trained on such digits."""
    return await _answer(request, service, DigitRequest, ask_neighbours)


async def _answer(
    request: Request, service: ServiceState, kind: type[Body], compute: Callable[[Body], dict[str, Any]]
) -> dict[str, Any]:
    only_json(request)
    with service.memory.share() as take:
        body = await whole_body(request, take, MAX_BYTES, service.settings)

        def work() -> dict[str, Any]:
            try:
                return compute(kind.model_validate_json(body))
            except ValidationError as error:
                faults = error.errors(include_input=False, include_url=False)
                if faults[0]["type"] == "json_invalid":
                    raise MalformedBodyError("the body is not JSON; send the numbers as /docs describes") from error
                raise InvalidTensorError(f"this is not what the example takes: {body_faults_of(faults)}") from error

        return await asyncio.to_thread(work)
