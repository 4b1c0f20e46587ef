"""`FileResult`: what became of one file of a batch, as a record and as a JSON row."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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


TagStatus = Literal["written", "would_write", "same", "kept", "no_label", "unsupported", "failed"]


@dataclass(frozen=True, slots=True)
class TagOutcome:
    """What became of the genre in a file's tags.

    status: `written`; `would_write`, in a dry run; `same`, it was there already; `kept`, another was and stays;
      `no_label`, the answer is unknown; `unsupported`, the kind of file has no such tags; `failed`, as `detail` says.
    genres: what was to be written. before: what the file said, as far as it could be read.
    """

    status: TagStatus
    genres: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        detail = {} if self.detail is None else {"detail": self.detail}
        return {"status": self.status, "genres": list(self.genres), "before": list(self.before), **detail}


@dataclass(frozen=True, slots=True)
class FileResult:
    """The path as it was given or found, the answer or the error, and an id of its own, such as HTTP gives requests.

    tag: what became of the tags in the file, if any were to be written.
    """

    path: str
    outcome: Result | FileError
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()), compare=False)
    tag: TagOutcome | None = None

    @property
    def ok(self) -> bool:
        return isinstance(self.outcome, Result)

    @property
    def duration_s(self) -> float:
        """Seconds of sound or video; 0 for what has no time, and for a file that failed."""
        if isinstance(self.outcome, FileError):
            return 0.0
        return getattr(self.outcome.media, "duration_s", 0.0)

    def to_json(self, *, top_k: int | None = None, threshold: float = 0.0, segments: bool = False) -> dict[str, Any]:
        """A row of plain JSON types: `path`, `status` and `request_id`, then what `Result.to_json` gives, or `error`
        with its `code` and `detail`. Without `path` and `status`, the row of an answer is the body of HTTP's.
        What became of tags comes last, as `tag`."""
        if isinstance(self.outcome, FileError):
            error = {"code": self.outcome.code, "detail": self.outcome.detail}
            return {"path": self.path, "status": "error", "request_id": self.request_id, "error": error}
        body = self.outcome.to_json(top_k=top_k, threshold=threshold, segments=segments)
        tag = {} if self.tag is None else {"tag": self.tag.to_json()}
        return {"path": self.path, "status": "ok", "request_id": self.request_id, **body, **tag}


def duration_s(row: Mapping[str, Any]) -> float | None:
    """The seconds of sound or video in a row with an answer; None for what has no time."""
    info: Mapping[str, float] | None = row.get("audio") or row.get("video")
    return None if info is None else info["duration_s"]
