"""A job as the store keeps it."""

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to classify.

    parameters: what `POST /classify` takes. model: its name. num_bytes: of the file. fingerprint: of file and
    parameters, to tell a repeated request from another with the same key. heard_s: seconds of sound or video so far.
    Times are seconds since 1970. result: the answer once the job is done; problem: what went wrong once it has failed.
    """

    id: str
    state: State
    model: str
    parameters: dict[str, Any]
    request_id: str
    num_bytes: int
    fingerprint: str
    created: float
    started: float | None = None
    finished: float | None = None
    expires: float | None = None
    attempts: int = 0
    heard_s: float = 0.0
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
