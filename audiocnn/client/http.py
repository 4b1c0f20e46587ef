"""`Client`: the service's endpoints as methods."""

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from audiocnn.client.problem import ServiceError, UnexpectedAnswerError
from audiocnn.client.records import Classification, Job, ModelCard
from audiocnn.errors import ConfigError, MissingExtraError, UnreadableFileError

try:
    import httpx
except ImportError as error:
    raise MissingExtraError("the client needs httpx: pip install 'audiocnn[client]'") from error

File = bytes | str | os.PathLike[str]
T = TypeVar("T")

_RETRIED = (429, 503)
_BINARY = {"Content-Type": "application/octet-stream"}
_PATIENT_S = 1.0  # before a retry, where the service does not say how long


class Client:
    """A service at `url`. Safe to share between threads; close it, or use it in a `with` block.

    api_key: for a service that wants one. timeout_s: of one request. retries: how often a request is sent again that
    was answered 429 or 503, each time after the service's `Retry-After`; and `max_wait_s`, the longest that is waited
    for that, all retries of a call together.
    Every method raises `ServiceError` for what the service refuses, `UnexpectedAnswerError` if no service answers so,
    and `httpx.TransportError` if none is reached.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 130.0,
        retries: int = 3,
        max_wait_s: float = 60.0,
    ) -> None:
        if retries < 0:
            raise ConfigError(f"retries must be a whole number from 0 up, got {retries}")
        headers = {} if api_key is None else {"X-API-Key": api_key}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)
        self._retries = retries
        self._max_wait_s = max_wait_s

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def classify(
        self,
        file: File,
        *,
        model: str | None = None,
        top_k: int | None = None,
        threshold: float | None = None,
        segments: bool = False,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> Classification:
        """The answer for one file: its bytes, or its path. Parameters left out are the service's defaults.

        Raises `UnreadableFileError` for a path that cannot be opened.
        """
        query = _query(model, top_k, threshold, segments, window_s, hop_s)
        body = self._ask("POST", "/classify", content=_read(file), headers=_BINARY, params=query)
        return _parsed(Classification.from_json, body)

    def classify_many(
        self,
        files: Sequence[File],
        *,
        model: str | None = None,
        top_k: int | None = None,
        threshold: float | None = None,
        segments: bool = False,
        window_s: float | None = None,
        hop_s: float | None = None,
    ) -> list[Classification | ServiceError]:
        """The answer for each of several files, sent in one request, or the error of that file."""
        if not files:
            raise ConfigError("expected at least one file, got none")
        query = _query(model, top_k, threshold, segments, window_s, hop_s)
        form = [("file", (_name(file), _read(file))) for file in files]
        body = self._ask("POST", "/classify", files=form, params=query)
        return _parsed(lambda body: _items(body, len(files)), body)

    def models(self) -> list[ModelCard]:
        """The models that are served, the default one first."""
        body = self._ask("GET", "/v1/models")
        return _parsed(lambda body: [ModelCard.from_json(model) for model in body["models"]], body)

    def ready(self) -> bool:
        """Whether the service wants requests now."""
        return self._http.get("/readyz").status_code == 200

    def submit(
        self,
        file: File,
        *,
        model: str | None = None,
        top_k: int | None = None,
        threshold: float | None = None,
        segments: bool = False,
        window_s: float | None = None,
        hop_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Let the service classify a file later. A retry makes no second job.

        idempotency_key: one of yours, so that this holds over calls too; one for each call by default.
        """
        query = _query(model, top_k, threshold, segments, window_s, hop_s)
        headers = _BINARY | {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        return _parsed(Job.from_json, self._ask("POST", "/v1/jobs", content=_read(file), headers=headers, params=query))

    def job(self, job_id: str) -> Job:
        """A job as it stands."""
        return _parsed(Job.from_json, self._ask("GET", f"/v1/jobs/{_part(job_id)}"))

    def wait(self, job_id: str, *, timeout_s: float | None = None, poll_s: float = 0.5) -> Job:
        """A job once it has ended. Raises `TimeoutError` if that takes longer than `timeout_s`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not (job := self.job(job_id)).ended:
            if deadline is not None and time.monotonic() + poll_s > deadline:
                raise TimeoutError(f"job {job_id} is {job.state} after {timeout_s:g} s; wait longer, or cancel it")
            time.sleep(poll_s)
        return job

    def remove(self, job_id: str) -> None:
        """Cancel a job that has not ended, forget one that has."""
        self._ask("DELETE", f"/v1/jobs/{_part(job_id)}")

    def infer(self, model: str, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network alone: logits `(batch, outputs)` of model inputs `(batch, channels, *axes)`, already prepared."""
        metadata = self._ask("GET", f"/v2/models/{_part(model)}")
        tensor = {
            "name": _parsed(lambda body: body["inputs"][0]["name"], metadata),
            "shape": list(windows.shape),
            "datatype": "FP32",
            "data": windows.ravel().tolist(),
        }
        body = self._ask("POST", f"/v2/models/{_part(model)}/infer", json={"inputs": [tensor]})
        return _parsed(_logits, body)

    def reload(self, model: str, admin_token: str) -> ModelCard:
        """Let the service load a model's files anew. Raises `ServiceError` if they do not work."""
        headers = {"X-Admin-Token": admin_token}
        body = self._ask("POST", f"/v1/models/{_part(model)}/reload", headers=headers)
        return _parsed(lambda body: ModelCard.from_json(body["model"]), body)

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The JSON of a good answer, after as many retries as are allowed."""
        waited_s, left = 0.0, self._retries
        while True:
            response = self._http.request(method, path, **request)
            if response.is_success:
                return {} if response.status_code == 204 else _json(response)
            error = _error(response)
            pause_s = _PATIENT_S if error.retry_after_s is None else error.retry_after_s
            if response.status_code not in _RETRIED or not left or waited_s + pause_s > self._max_wait_s:
                raise error
            time.sleep(pause_s)
            waited_s, left = waited_s + pause_s, left - 1


def _query(
    model: str | None,
    top_k: int | None,
    threshold: float | None,
    segments: bool,
    window_s: float | None,
    hop_s: float | None,
) -> dict[str, Any]:
    given = {"model": model, "top_k": top_k, "threshold": threshold, "window_s": window_s, "hop_s": hop_s}
    query = {name: value for name, value in given.items() if value is not None}
    return query | ({"segments": True} if segments else {})


def _part(name: str) -> str:
    """A name as one part of a path, whatever is in it."""
    return quote(name, safe="")


def _read(file: File) -> bytes:
    if isinstance(file, bytes):
        return file
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFileError(f"cannot read {Path(file).name}: {error.strerror}") from error


def _name(file: File) -> str:
    return "file" if isinstance(file, bytes) else Path(file).name


def _items(body: Mapping[str, Any], count: int) -> list[Classification | ServiceError]:
    if count == 1:
        return [Classification.from_json(body)]
    return [
        Classification.from_json(item["result"]) if item["status"] == 200 else ServiceError(item["problem"])
        for item in body["items"]
    ]


def _logits(body: Mapping[str, Any]) -> NDArray[np.float32]:
    output = body["outputs"][0]
    return np.array(output["data"], np.float32).reshape(output["shape"])


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError as error:
        raise _unexpected(response) from error
    if not isinstance(body, dict):
        raise _unexpected(response)
    return body


def _error(response: httpx.Response) -> ServiceError:
    after = response.headers.get("retry-after", "")
    try:
        return ServiceError(_json(response), float(after) if after.isdecimal() else None)
    except KeyError as error:
        raise _unexpected(response) from error


def _unexpected(response: httpx.Response) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(
        f"expected an audiocnn service at {response.url.host}, it answered {response.status_code} with "
        f"{response.headers.get('content-type', 'no type')}; check the address"
    )


def _parsed(parse: Callable[[dict[str, Any]], T], body: dict[str, Any]) -> T:
    try:
        return parse(body)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise UnexpectedAnswerError(
            f"the service's answer is not that of an audiocnn service of this version: {error!r}; use the client that "
            "came with it"
        ) from error
