"""The bodies that clients send and see, for /docs and /openapi.json."""

from service.schemas.classify import (
    ClassifyParameters,
    ClassifyResponse,
    EstimateBody,
    ItemBody,
    ModelBody,
    PredictionBody,
    SeveralResponse,
)
from service.schemas.health import StatusBody
from service.schemas.inspect import InspectParameters, InspectResponse
from service.schemas.jobs import JobBody
from service.schemas.models import LimitsBody, ModelsResponse, ReloadResponse, ServedModel
from service.schemas.oip import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ServerLive,
    ServerMetadata,
    ServerReady,
)
from service.schemas.problem import Problem
from service.schemas.stream import StreamMessage, StreamParameters

__all__ = [
    "ClassifyParameters",
    "ClassifyResponse",
    "EstimateBody",
    "InferRequest",
    "InferResponse",
    "InspectParameters",
    "InspectResponse",
    "ItemBody",
    "JobBody",
    "LimitsBody",
    "ModelBody",
    "ModelMetadata",
    "ModelReady",
    "ModelsResponse",
    "PredictionBody",
    "Problem",
    "ReloadResponse",
    "ServedModel",
    "ServerLive",
    "ServerMetadata",
    "ServerReady",
    "SeveralResponse",
    "StatusBody",
    "StreamMessage",
    "StreamParameters",
]
