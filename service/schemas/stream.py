"""What `WS /v1/stream` takes and sends."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from audiocnn.limits import MAX_SAMPLE_RATE
from service.receive.pcm import PcmFormat
from service.schemas.classify import Answers, ModelBody, SegmentBody
from service.schemas.problem import Problem


class StreamParameters(BaseModel):
    """Query parameters of `WS /v1/stream`."""

    model_config = ConfigDict(extra="forbid")

    sample_rate: int = Field(ge=4_000, le=MAX_SAMPLE_RATE, description="In Hz.")
    format: PcmFormat = Field("s16le", description="Of the samples, which are mono.")
    model: str | None = Field(None, max_length=200)
    hop_s: float | None = Field(None, gt=0, allow_inf_nan=False, description="Seconds from one answer to the next.")
    top_k: int = Field(5, ge=1)
    threshold: float = Field(0.0, ge=0, le=1)


class ReadyMessage(BaseModel):
    """The first message: sound may come."""

    type: Literal["ready"]
    request_id: str
    model: ModelBody
    window_s: float
    hop_s: float


class PredictionMessage(BaseModel):
    """For each window, as soon as it is complete."""

    type: Literal["prediction"]
    segment: SegmentBody
    predictions: Answers = Field(description="Over the last windows, eight at most; empty for silence.")
    labels: list[str]
    side: dict[str, Answers] = {}
    side_labels: dict[str, list[str]] = {}


class EndMessage(BaseModel):
    """The last message after the client's `{"type": "end"}`."""

    type: Literal["end"]
    duration_s: float
    windows: int


class ProblemMessage(BaseModel):
    """The last message if something is wrong; the close code says it roughly."""

    type: Literal["problem"]
    problem: Problem


StreamMessage = ReadyMessage | PredictionMessage | EndMessage | ProblemMessage
