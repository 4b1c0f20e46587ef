"""The Open Inference Protocol, version 2: the networks themselves, for clients of KServe and Triton.

Input is what the network takes, prepared by the client. Errors are the service's problems, with the member `error` that
the protocol asks for.
"""

import asyncio

import numpy as np
from fastapi import APIRouter, Request

import audiocnn
from audiocnn.errors import ConfigError
from audiocnn.nn.heads import Heads
from service.errors import InvalidTensorError, MalformedBodyError, UnsupportedMediaTypeError
from service.openapi import problems
from service.receive.body import only_json, whole_body
from service.receive.presence import while_present
from service.receive.tensors import UNFOLDED, input_of
from service.routes.health import readyz
from service.schemas import (
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from service.schemas.oip import OutputTensor, TensorMetadata
from service.state import SharedState

router = APIRouter(prefix="/v2", tags=["open inference protocol"])


@router.get("")
async def server_metadata() -> ServerMetadata:
    """What this server is."""
    return ServerMetadata(name="audiocnn", version=audiocnn.__version__, extensions=[])


@router.get("/health/live")
async def server_live() -> ServerLive:
    """As `/livez`."""
    return ServerLive(live=True)


@router.get("/health/ready", responses=problems([503]))
async def server_ready(service: SharedState) -> ServerReady:
    """As `/readyz`."""
    await readyz(service)
    return ServerReady(ready=True)


@router.get("/models/{model}", responses=problems([401, 404, 422, 429, 500, 503]))
async def model_metadata(model: str, service: SharedState) -> ModelMetadata:
    """The model's input and output."""
    spec, info = service.engine.find(model)
    name, shape = spec.input.input_name, [-1, *spec.input.shape]
    return ModelMetadata(
        name=info.name,
        versions=[info.version],
        platform="onnx_onnxv1",
        inputs=[TensorMetadata(name=name, datatype="FP32", shape=shape)],
        outputs=[TensorMetadata(name="logits", datatype="FP32", shape=[-1, Heads(spec.tasks).num_outputs])],
    )


@router.get("/models/{model}/ready", responses=problems([401, 404, 422, 429, 500, 503]))
async def model_ready(model: str, service: SharedState) -> ModelReady:
    """Whether the model answers."""
    return ModelReady(name=service.engine.find(model)[1].name, ready=True)


@router.post(
    "/models/{model}/infer",
    response_model_exclude_unset=True,
    responses=problems([400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504]),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/InferRequest"}}},
        }
    },
)
async def infer(request: Request, model: str, service: SharedState) -> InferResponse:
    """Logits for a batch of model inputs, as the network gives them: no labels, no silence, no mean over windows."""
    settings = service.settings
    deadline_s = request.state.arrived_s + settings.classify_timeout_s
    spec, info = service.engine.find(model)
    only_json(request)
    if "inference-header-content-length" in request.headers:
        raise UnsupportedMediaTypeError("tensors are taken as JSON and not in binary form")
    with service.memory.share() as take:
        body = await whole_body(request, take, settings.max_infer_bytes, settings)
        if not body:
            raise MalformedBodyError("the request has no body; send the tensor as JSON")
        with service.memory.share() as take_parsed:
            take_parsed(UNFOLDED * len(body))
            windows, request_id = await asyncio.to_thread(input_of, body, spec.input)
        take(windows.nbytes)
        try:
            logits = await while_present(request, service.engine.infer(model, windows, deadline_s))
        except ConfigError as error:
            raise InvalidTensorError(str(error)) from error
    values = logits.astype(np.float32)
    tensor = OutputTensor(name="logits", shape=list(values.shape), datatype="FP32", data=values.ravel().tolist())
    given = {} if request_id is None else {"id": request_id}
    return InferResponse(model_name=info.name, model_version=info.version, outputs=[tensor], **given)
