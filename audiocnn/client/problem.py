"""What goes wrong between a client and the service."""

from collections.abc import Mapping
from typing import Any

from audiocnn.errors import AudioCnnError


class ServiceError(AudioCnnError):
    """The service refused a request, or one file of it; the message says why and what to do.

    code: stable, to branch on, such as `undecodable_audio`. status: of HTTP. request_id: for the service's operator.
    retry_after_s: when to try again, where the service says so. problem: all it said.
    """

    def __init__(self, problem: Mapping[str, Any], retry_after_s: float | None = None) -> None:
        super().__init__(f"{problem['title']}: {problem['detail']}")
        self.code: str = problem["code"]  # type: ignore[misc]
        self.status: int = problem["status"]
        self.request_id: str = problem["request_id"]
        self.retry_after_s = retry_after_s
        self.problem = problem


class UnexpectedAnswerError(AudioCnnError):
    """What answered is no audiocnn service, or one of another version."""

    code = "unexpected_answer"
