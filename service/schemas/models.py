"""What `/v1/models` tells of a model."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from audiocnn.limits import DecodeLimits
from audiocnn.spec import ModelSpec, Scale, TaskKind


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


class LimitsBody(BaseModel):
    """What one file may be."""

    max_bytes: int
    max_duration_s: float = Field(description="Of sound and video.")

    @classmethod
    def of(cls, limits: DecodeLimits) -> "LimitsBody":
        return cls.model_validate({name: getattr(limits, name) for name in cls.model_fields})


class ModelsResponse(BaseModel):
    models: list[ServedModel]
    limits: LimitsBody = Field(description="Of `POST /classify` and `POST /v1/inspect`.")
    job_limits: LimitsBody = Field(description="Of `POST /v1/jobs`.")


class ReloadResponse(BaseModel):
    """What answers from now on."""

    request_id: str
    model: ServedModel
    previous_sha256: str = Field(description="Of the weights that answered before.")
