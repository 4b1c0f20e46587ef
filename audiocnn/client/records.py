"""What the service answers, as records; they ignore members that a newer service may add."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from audiocnn.client.problem import ServiceError
from audiocnn.prediction import Answers, Estimate, ModelInfo, Prediction

JobState = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class TimedAnswers:
    """The answers for one window. side: those of the model's side tasks, by name."""

    start_s: float
    end_s: float
    silent: bool
    predictions: Answers
    side: Mapping[str, Answers]


@dataclass(frozen=True, slots=True)
class Classification:
    """The answer for one file; its fields are those of `audiocnn.Result`.

    media: which medium it was, and `info`: the file as it came. segments: only if they were asked for.
    """

    request_id: str
    model: ModelInfo
    media: str
    info: Mapping[str, Any]
    predictions: Answers
    labels: tuple[str, ...]
    side: Mapping[str, Answers]
    side_labels: Mapping[str, tuple[str, ...]]
    segments: tuple[TimedAnswers, ...]
    warnings: tuple[str, ...]
    timing_ms: Mapping[str, float]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Classification":
        media = next(name for name in ("audio", "image", "video", "volume") if body.get(name))
        model = body["model"]
        return cls(
            request_id=body["request_id"],
            model=ModelInfo(model["name"], model["version"], model["sha256"]),
            media=media,
            info=body[media],
            predictions=_answers(body["predictions"]),
            labels=tuple(body["labels"]),
            side=_by_task(body),
            side_labels={name: tuple(labels) for name, labels in body.get("side_labels", {}).items()},
            segments=tuple(
                TimedAnswers(s["start_s"], s["end_s"], s["silent"], _answers(s["predictions"]), _by_task(s))
                for s in body.get("segments", ())
            ),
            warnings=tuple(body["warnings"]),
            timing_ms=body["timing_ms"],
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands. result: once it is `done`; error: once it has `failed`."""

    id: str
    state: JobState
    model: str
    heard_s: float
    created: datetime
    started: datetime | None
    finished: datetime | None
    expires: datetime | None
    result: Classification | None
    error: ServiceError | None

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Job":
        result, problem = body.get("result"), body.get("problem")
        return cls(
            id=body["id"],
            state=body["state"],
            model=body["model"],
            heard_s=body["progress"]["heard_s"],
            created=datetime.fromisoformat(body["created_at"]),
            started=_time(body, "started_at"),
            finished=_time(body, "finished_at"),
            expires=_time(body, "expires_at"),
            result=None if result is None else Classification.from_json(result),
            error=None if problem is None else ServiceError(problem),
        )


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model that the service serves. task, side_tasks, input and metrics are as in its `config.json`."""

    info: ModelInfo
    architecture: str
    task: Mapping[str, Any]
    side_tasks: Mapping[str, Any]
    input: Mapping[str, Any]
    licence: str
    metrics: Mapping[str, Any]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.task["labels"])

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "ModelCard":
        return cls(
            ModelInfo(body["name"], body["version"], body["sha256"]),
            body["architecture"],
            body["task"],
            body["side_tasks"],
            body["input"],
            body["licence"],
            body["metrics"],
        )


def _time(body: Mapping[str, Any], name: str) -> datetime | None:
    text = body.get(name)
    return None if text is None else datetime.fromisoformat(text)


def _by_task(body: Mapping[str, Any]) -> dict[str, Answers]:
    return {name: _answers(answers) for name, answers in body.get("side", {}).items()}


def _answers(answers: list[dict[str, Any]]) -> Answers:
    if any("value" in answer for answer in answers):
        return tuple(Estimate(a["label"], a["value"], a["unit"]) for a in answers)
    return tuple(Prediction(a["label"], a["score"]) for a in answers)
