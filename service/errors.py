"""Every error as RFC 9457 `application/problem+json`, through one table from exception to status and title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.routing import Match

from audiocnn import errors as library
from service.problem import RETRY_AFTER_S, problem_body

_SHOWN_NAME = 60  # characters of an unknown parameter's name worth repeating
_SHOWN_PATH = 200
_SHOWN_FAULTS = 8


class RequestError(Exception):
    """Base of what the service itself refuses. The message is shown to the client."""

    code: ClassVar[str]

    @property
    def headers(self) -> dict[str, str]:
        """Of the response, beside those that every problem has."""
        return {}


class RetryLaterError(RequestError):
    """Base of what may go well later. retry_after_s: how much later."""

    def __init__(self, message: str, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class UnauthorizedError(RequestError):
    """The request has no API key, or one that is not known."""

    code = "unauthorized"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="audiocnn"'}


class RateLimitedError(RetryLaterError):
    """The API key has asked too often."""

    code = "rate_limited"


class MalformedBodyError(RequestError):
    """The body is not the multipart message it claims to be."""

    code = "malformed_body"


class SlowBodyError(RequestError):
    """The body did not arrive in time."""

    code = "slow_body"


class BodyTooLargeError(RequestError):
    """The body exceeds the upload limit."""

    code = "body_too_large"


class UnsupportedMediaTypeError(RequestError):
    """The Content-Type or Content-Encoding is none the service takes."""

    code = "unsupported_media_type"


class WrongFieldError(RequestError):
    """The form holds no file in the field `file`, or something else besides."""

    code = "wrong_field"


class OverloadedError(RetryLaterError):
    """As much work or data is held as the service allows."""

    code = "overloaded"


class NotReadyError(RetryLaterError):
    """The model is not loaded, or the process is about to stop."""

    code = "not_ready"


class DeadlineExceededError(RequestError):
    """The answer took longer than the service allows."""

    code = "deadline_exceeded"


class UnknownModelError(RequestError):
    """No model of that name is served."""

    code = "unknown_model"


class CardNotFoundError(RequestError):
    """The model has no card."""

    code = "card_not_found"


class ForbiddenError(RequestError):
    """The request has not the token that it needs."""

    code = "forbidden"


class InvalidTensorError(RequestError):
    """The input is not what the model takes."""

    code = "invalid_tensor"


class JobNotFoundError(RequestError):
    """There is no job of that id, or not any more."""

    code = "job_not_found"


class IdempotencyError(RequestError):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"


class JobsUnavailableError(RetryLaterError):
    """The folder of the jobs cannot be used."""

    code = "jobs_unavailable"


class StorageFullError(RetryLaterError):
    """There is no room for another job."""

    code = "storage_full"


class InvalidParameterError(RequestError):
    """A parameter is not valid."""

    code = "invalid_parameter"


class NotInspectableError(RequestError):
    """The file of the model does not say what its layers are."""

    code = "not_inspectable"


class SlowStreamError(RequestError):
    """Nothing came for too long, or nothing could be sent."""

    code = "slow_stream"


class StreamTooLongError(RequestError):
    """More sound came than one stream may have."""

    code = "stream_too_long"


class TooManyFilesError(RequestError):
    """The form holds more files than one request may."""

    code = "too_many_files"


class ReloadFailedError(RequestError):
    """A model's new files do not work."""

    code = "reload_failed"


STATUS: dict[type[Exception], tuple[int, str]] = {
    library.UndecodableAudioError: (400, "The audio cannot be decoded"),
    library.EmptyAudioError: (400, "There is no audio"),
    library.AudioTooLargeError: (413, "The audio is too large"),
    library.UnsupportedAudioError: (415, "The audio format is not supported"),
    library.NonFiniteAudioError: (422, "The audio has samples that are not finite"),
    library.AudioError: (400, "The audio cannot be used"),
    library.UndecodableVisualError: (400, "The file cannot be decoded"),
    library.EmptyVisualError: (400, "There is nothing in the file"),
    library.VisualTooLargeError: (413, "The file is too large"),
    library.UnsupportedVisualError: (415, "The file format is not supported"),
    library.NonFiniteVisualError: (422, "The file has values that are not finite"),
    library.VisualError: (400, "The file cannot be used"),
    library.FileTooLargeError: (413, "The file is too large"),
    library.MediaError: (400, "The file cannot be used"),
    UnauthorizedError: (401, "The request does not say who asks"),
    MalformedBodyError: (400, "The request body is malformed"),
    SlowBodyError: (408, "The request body came too slowly"),
    BodyTooLargeError: (413, "The request body is too large"),
    UnsupportedMediaTypeError: (415, "The content type is not supported"),
    ForbiddenError: (403, "This is not allowed"),
    InvalidTensorError: (422, "The input is not what the model takes"),
    JobNotFoundError: (404, "There is no such job"),
    IdempotencyError: (422, "The Idempotency-Key was used before"),
    JobsUnavailableError: (503, "Jobs cannot be kept"),
    StorageFullError: (503, "There is no room for another job"),
    InvalidParameterError: (422, "A parameter is not valid"),
    NotInspectableError: (422, "The model cannot be looked into"),
    SlowStreamError: (408, "The stream was too slow"),
    StreamTooLongError: (413, "The stream is too long"),
    UnknownModelError: (404, "There is no such model"),
    CardNotFoundError: (404, "The model has no card"),
    ReloadFailedError: (409, "The model was not reloaded"),
    TooManyFilesError: (413, "There are too many files in one request"),
    WrongFieldError: (422, "The form does not hold files alone"),
    RequestValidationError: (422, "A parameter is not valid"),
    library.WindowError: (422, "The model does not take such windows"),
    RateLimitedError: (429, "The API key has asked too often"),
    OverloadedError: (503, "The service is busy"),
    NotReadyError: (503, "The service is not ready"),
    DeadlineExceededError: (504, "The answer took too long"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a client is told of an error."""

    status: int
    title: str
    detail: str
    code: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, path: str, request_id: str) -> dict[str, Any]:
        """The problem as it answers the request for `path`."""
        return problem_body(
            self.status,
            title=self.title,
            detail=self.detail,
            code=self.code,
            instance=quote(path)[:_SHOWN_PATH],
            request_id=request_id,
        )


INTERNAL = Told(
    500,
    "Internal server error",
    "the service failed; this is not the request's fault. Report the request_id to its operator",
    "internal_error",
)
"""When our own code fails: nothing but the id to look for in the log."""


def told(error: Exception) -> Told:
    """What a client is told of `error`; `INTERNAL` of what is not in the table."""
    kind = next((kind for kind in type(error).__mro__ if kind in STATUS), None)
    if kind is None:
        return INTERNAL
    status, title = STATUS[kind]
    headers = error.headers if isinstance(error, RequestError) else {}
    return Told(status, title, str(error), getattr(error, "code", "error"), headers)


def problem(request: HTTPConnection, told: Told) -> JSONResponse:
    """The problem response, also to a WebSocket that is not accepted.

    Its code is left in `request.state.problem_code` for those who count.
    Below /v2 it has the member `error` too, where clients of the Open Inference Protocol look.
    """
    request.state.problem_code = told.code
    body = told.body(request.url.path, request.state.request_id)
    if request.url.path.startswith("/v2"):
        body["error"] = told.detail
    return JSONResponse(body, told.status, told.headers, media_type="application/problem+json")


def internal_problem(request: Request) -> JSONResponse:
    """The answer when our own code fails."""
    return problem(request, INTERNAL)


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem. Unexpected exceptions are left to the `RequestContext` middleware."""
    app.add_exception_handler(RequestError, known_problem)
    app.add_exception_handler(library.MediaError, known_problem)
    app.add_exception_handler(library.WindowError, known_problem)
    app.add_exception_handler(RequestValidationError, _invalid_parameters)
    app.add_exception_handler(HTTPException, _http)


async def known_problem(request: HTTPConnection, error: Exception) -> JSONResponse:
    """The problem for an error that `STATUS` has."""
    return problem(request, told(error))


async def _invalid_parameters(request: Request, error: Exception) -> JSONResponse:
    status, title = STATUS[RequestValidationError]
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return problem(request, Told(status, title, faults_of(faults), "invalid_parameter"))


def faults_of(faults: Sequence[Mapping[str, Any]]) -> str:
    """What pydantic says about parameters, without the values that came: of the first ones, if there are many."""
    more = f"; and {len(faults) - _SHOWN_FAULTS} more" if len(faults) > _SHOWN_FAULTS else ""
    return "; ".join(fault_of(fault) for fault in faults[:_SHOWN_FAULTS]) + more


def body_faults_of(faults: Sequence[Mapping[str, Any]]) -> str:
    """What pydantic says about a body of JSON, where, and without the values that came; of the first faults."""
    return "; ".join(f"{'.'.join(map(str, fault['loc']))[:_SHOWN_NAME]}: {fault['msg']}" for fault in faults[:3])


def fault_of(fault: Mapping[str, Any]) -> str:
    """What pydantic says about one parameter, without the value that came."""
    name = str(fault["loc"][-1])[:_SHOWN_NAME]
    if fault["type"] == "extra_forbidden":
        return f"{name} is not a parameter of this endpoint; see /docs for those it has"
    message = str(fault["msg"])
    return f"{name}: {message[:1].lower()}{message[1:]}"


async def _http(request: Request, error: Exception) -> JSONResponse:
    """What routing refuses: an unknown path, or a known one with another method."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 404:
        return not_found(request)
    phrase = HTTPStatus(error.status_code).phrase
    detail, headers = phrase, dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))  # Starlette names those of the first route alone
        detail = f"this address takes {headers['Allow']}, not {request.method}"
    return problem(request, Told(error.status_code, phrase, detail, phrase.lower().replace(" ", "_"), headers))


def not_found(request: HTTPConnection) -> JSONResponse:
    """The answer where there is nothing."""
    detail = "there is nothing at this address; see /docs for what there is"
    return problem(request, Told(404, HTTPStatus.NOT_FOUND.phrase, detail, "not_found"))


def _methods(request: Request) -> set[str]:
    """What this address takes."""
    found = set()
    for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            found.add(method)
    return found
