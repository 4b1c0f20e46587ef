"""The bodies that clients see, for /docs and /openapi.json.

Answers are built by `Result.to_json`, which the batch command shares; a test holds both together.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from audiocnn.spec import ModelSpec, Scale, TaskKind

_SHA256 = "5f0d3c6c1d1f4c5f0a7d8b1b0d6f5c5b6ad1c6e0f3f0f9d3a1a9d3b1e2c4f687"
_REQUEST_ID = "0d8f5a3e-6a55-4a1c-9d6c-2f6f0c1b7e11"


class ClassifyParameters(BaseModel):
    """Query parameters of `POST /classify`."""

    model_config = ConfigDict(extra="forbid")  # a misspelt name is told and not ignored

    top_k: int = Field(5, ge=1, description="How many labels to return, best first.")
    threshold: float = Field(0.0, ge=0, le=1, description="Leave out labels with a lower score.")
    segments: bool = Field(False, description="Also return the answer for each window of the recording.")


class PredictionBody(BaseModel):
    label: str
    score: float = Field(ge=0, le=1)


class EstimateBody(BaseModel):
    """The answer of a regression."""

    label: str = Field(description="The name of the quantity.")
    value: float
    unit: str


Answers = list[PredictionBody] | list[EstimateBody]


class SegmentBody(BaseModel):
    start_s: float
    end_s: float
    silent: bool = Field(description="Too quiet to say anything: it has no predictions and does not count.")
    predictions: Answers
    side: dict[str, Answers] = Field({}, description="As `predictions`, for each side task of the model.")


class ModelBody(BaseModel):
    name: str
    version: str
    sha256: str = Field(description="Of the weights.")


class AudioBody(BaseModel):
    """The recording as it came."""

    duration_s: float
    sample_rate: int = Field(description="In Hz.")
    channels: int
    format: str


class ImageBody(BaseModel):
    """The picture as it came."""

    width: int
    height: int
    mode: str = Field(description="Its colours, such as `L` for grey or `RGB`.")
    format: str


class VideoBody(BaseModel):
    """The video as it came."""

    duration_s: float
    num_frames: int
    width: int
    height: int
    codec: str
    format: str


class VolumeBody(BaseModel):
    """The array as it came."""

    shape: list[int]
    dtype: str
    format: str


class TimingBody(BaseModel):
    queue: float = Field(description="Waiting for a worker.")
    decode: float = Field(description="Decoding, resampling and cutting into windows.")
    infer: float = Field(description="The network itself.")
    total: float = Field(description="The sum; receiving the upload is not part of it.")


class ClassifyResponse(BaseModel):
    """The answer for one recording."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "request_id": _REQUEST_ID,
                    "model": {"name": "genre", "version": "1.0.0", "sha256": _SHA256},
                    "audio": {"duration_s": 30.0, "sample_rate": 44100, "channels": 2, "format": "wav"},
                    "predictions": [{"label": "rock", "score": 0.81}, {"label": "pop", "score": 0.14}],
                    "labels": ["rock"],
                    "warnings": [],
                    "timing_ms": {"queue": 0.1, "decode": 62.0, "infer": 148.0, "total": 210.1},
                }
            ]
        }
    )

    request_id: str
    model: ModelBody
    audio: AudioBody | None = Field(None, description="With a model of sound.")
    image: ImageBody | None = Field(None, description="With a model of images.")
    video: VideoBody | None = Field(None, description="With a model of video.")
    volume: VolumeBody | None = Field(None, description="With a model of volumes.")
    predictions: Answers = Field(description="Over the whole file, scores best first; empty for silence.")
    side: dict[str, Answers] = Field(
        {}, description="As `predictions`, for each side task by its name; only of a model with side tasks."
    )
    labels: list[str] = Field(
        description="To act on: the best one, or none where the model is too uncertain; of several labels those that "
        "reach their threshold; none of a regression."
    )
    side_labels: dict[str, list[str]] = Field({}, description="As `labels`, for each side task by its name.")
    segments: list[SegmentBody] = Field([], description="In time order; only with `segments=true`.")
    warnings: list[str] = Field(description="What to know about the answer, such as a file cut short.")
    timing_ms: TimingBody


class StatusBody(BaseModel):
    status: Literal["alive", "ready"]


class AudioInputBody(BaseModel):
    """What a model of sound hears; `window` and `hop` are in samples at `sample_rate` Hz."""

    media: Literal["audio"]
    sample_rate: int
    window: int
    hop: int
    normalisation: str
    tail: str
    silence_db: float
    silence: str


class ImageInputBody(BaseModel):
    """What a model of images sees, in pixels; brightness from 0 to 1 becomes `(brightness - mean) / deviation`."""

    media: Literal["image"]
    height: int
    width: int
    channels: int
    fit: str
    mean: float
    deviation: float


class VideoInputBody(BaseModel):
    """What a model of video sees; `frames` and `hop` are in frames at `frame_rate` a second."""

    media: Literal["video"]
    frames: int
    height: int
    width: int
    frame_rate: int
    hop: int
    channels: int
    fit: str
    mean: float
    deviation: float
    tail: str


class VolumeInputBody(BaseModel):
    """What a model of volumes sees, in voxels; the values `low` and `high` become 0 and 1."""

    media: Literal["volume"]
    depth: int
    height: int
    width: int
    channels: int
    fit: str
    low: float
    high: float
    mean: float
    deviation: float


class QuantityBody(BaseModel):
    """What a regression measures: answers lie between `low` and `high`, where there are such limits."""

    unit: str
    low: float | None
    high: float | None
    mean: float = Field(description="Of the training data or of its logarithms, as the deviation.")
    deviation: float
    scale: Scale = Field("linear", description="`log` where ratios count.")
    bins: int = Field(0, description="How many values the network chooses between; 0 if it answers with a number.")
    tolerance: float = Field(0.0, description="The relative error below which reports count an answer as right.")


class TaskBody(BaseModel):
    kind: TaskKind
    labels: list[str]
    quantities: list[QuantityBody] = Field([], description="Of a regression, one for each label.")
    temperature: float = Field(1.0, description="What logits are divided by before they become scores.")
    thresholds: list[float] = Field([], description="Of several labels, the scores from which on each is decided for.")
    unknown_below: float = Field(0.0, description="Of a single label, the best score below which none is decided for.")


class ServedModel(BaseModel):
    """A model that answers, and what is known about it."""

    name: str
    version: str
    sha256: str
    architecture: str
    task: TaskBody
    side_tasks: dict[str, TaskBody] = Field({}, description="What it answers beside its main task, by name.")
    input: AudioInputBody | ImageInputBody | VideoInputBody | VolumeInputBody = Field(discriminator="media")
    licence: str
    metrics: dict[str, Any]

    @classmethod
    def of(cls, spec: ModelSpec, sha256: str) -> "ServedModel":
        fields = {name: value for name, value in spec.to_json().items() if name in cls.model_fields}
        return cls.model_validate({**fields, "sha256": sha256})


class ModelsResponse(BaseModel):
    models: list[ServedModel]


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:audiocnn:problem:unsupported_audio",
                    "title": "The audio format is not supported",
                    "status": 415,
                    "detail": "MP4 files are not read; convert it to WAV, FLAC, Ogg or MP3",
                    "instance": "/classify",
                    "code": "unsupported_audio",
                    "request_id": _REQUEST_ID,
                }
            ]
        }
    )

    type: str = Field(description="A URI for this kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What was wrong this time and what to do.")
    instance: str = Field(description="The path that was asked.")
    code: str = Field(description="Stable, for programs to branch on.")
    request_id: str = Field(description="To find the request in the service's log.")
