"""The bodies that clients send and see, for /docs and /openapi.json."""

from service.schemas.classify import (
    ClassifyParameters,
    ClassifyResponse,
    EstimateBody,
    ItemBody,
    PredictionBody,
    SeveralResponse,
)
from service.schemas.health import StatusBody
from service.schemas.models import ModelsResponse, ServedModel
from service.schemas.problem import Problem

__all__ = [
    "ClassifyParameters",
    "ClassifyResponse",
    "EstimateBody",
    "ItemBody",
    "ModelsResponse",
    "PredictionBody",
    "Problem",
    "ServedModel",
    "SeveralResponse",
    "StatusBody",
]
