"""What FastAPI cannot see for itself: the two forms of the upload, and that every error is problem+json."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from service.receive.multipart import FIELD
from service.schemas import InferRequest, Problem
from service.schemas.lectures import ConvolutionRequest, DigitRequest, PoolingRequest

_BINARY = {"type": "string", "format": "binary"}

UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": (
            "What the served model takes, told from its content, not its name. Sound: WAV, FLAC, Ogg, MP3, AIFF, AU or "
            "CAF. Images: PNG, JPEG, WebP, GIF, BMP or TIFF. Video: MP4, WebM, Matroska, AVI and others. Volumes: NPY "
            "or NPZ."
        ),
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": [FIELD], "properties": {FIELD: _BINARY}},
            },
            "audio/*": {"schema": _BINARY},
            "image/*": {"schema": _BINARY},
            "video/*": {"schema": _BINARY},
            "application/octet-stream": {"schema": _BINARY},
        },
    }
}

_MEANING = {
    400: "No file, or a file or a form that cannot be decoded.",
    401: "No API key, or one that is not known; only of a service with keys.",
    403: "Not the admin token, or the service has none.",
    404: "No model of that name, or nothing of that id.",
    408: "The body came too slowly.",
    409: "The new files do not work; the earlier model goes on answering.",
    413: "Too many bytes, too long, or too large once decoded.",
    415: "Not a content type or a format that is taken.",
    422: "A parameter or a form field is not valid, or the file has values that are not finite numbers.",
    429: "The API key has asked too often; `Retry-After` says when to try again.",
    500: "The service failed.",
    503: "Busy, loading or about to stop; `Retry-After` says when to try again.",
    504: "The answer took too long.",
}


def problems(statuses: Sequence[int]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with these error statuses."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANING[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


def json_body(kind: type[BaseModel]) -> dict[str, Any]:
    """The description of a body that a route reads for itself."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def install(app: FastAPI) -> None:
    """Let `app` describe itself with the schemas that `problems` and the routes' own descriptions refer to."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            for model in (Problem, InferRequest, ConvolutionRequest, PoolingRequest, DigitRequest):
                schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
                described["components"]["schemas"] |= schema.pop("$defs", {}) | {model.__name__: schema}
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]
