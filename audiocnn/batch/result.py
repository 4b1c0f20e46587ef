"""`FileResult`: what became of one file of a batch, as a record and as a JSON row."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audiocnn.errors import AudioCnnError
from audiocnn.prediction import Result


@dataclass(frozen=True, slots=True)
class FileError:
    """Why a file has no answer: a stable `code` for programs (see `audiocnn.errors`) and a `detail` for people."""

    code: str
    detail: str

    @classmethod
    def from_exception(cls, error: Exception) -> "FileError":
        """An error of ours with its own code and text; any other as `internal_error` with the exception's type."""
        if isinstance(error, AudioCnnError):
            return cls(error.code, str(error))
        return cls("internal_error", f"{type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class FileResult:
    """The path as it was given or found, the answer or the error, and an id of its own, such as HTTP gives requests."""

    path: str
    outcome: Result | FileError
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()), compare=False)

    @property
    def ok(self) -> bool:
        return isinstance(self.outcome, Result)

    def to_json(self, *, top_k: int | None = None, threshold: float = 0.0, segments: bool = False) -> dict[str, Any]:
        """A row of plain JSON types: `path`, `status` and `request_id`, then what `Result.to_json` gives, or `error`
        with its `code` and `detail`. Without `path` and `status`, the row of an answer is the body of HTTP's."""
        if isinstance(self.outcome, FileError):
            error = {"code": self.outcome.code, "detail": self.outcome.detail}
            return {"path": self.path, "status": "error", "request_id": self.request_id, "error": error}
        body = self.outcome.to_json(top_k=top_k, threshold=threshold, segments=segments)
        return {"path": self.path, "status": "ok", "request_id": self.request_id, **body}


def duration_s(row: Mapping[str, Any]) -> float | None:
    """The seconds of sound or video in a row with an answer; None for what has no time."""
    info: Mapping[str, float] | None = row.get("audio") or row.get("video")
    return None if info is None else info["duration_s"]
