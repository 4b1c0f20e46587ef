"""What `POST /classify` takes and answers.

Answers are built by `Result.to_json`, which the batch command shares; a test holds both together.
"""

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.problem import EXAMPLE_REQUEST_ID, Problem

_SHA256 = "5f0d3c6c1d1f4c5f0a7d8b1b0d6f5c5b6ad1c6e0f3f0f9d3a1a9d3b1e2c4f687"


class ClassifyParameters(BaseModel):
    """Query parameters of `POST /classify`."""

    model_config = ConfigDict(extra="forbid")  # a misspelt name is told and not ignored

    top_k: int = Field(5, ge=1, description="How many labels to return, best first.")
    threshold: float = Field(0.0, ge=0, le=1, description="Leave out labels with a lower score.")
    segments: bool = Field(False, description="Also return the answer for each window of the recording.")
    window_s: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Length of a window in seconds, where the network takes others."
    )
    hop_s: float | None = Field(None, gt=0, allow_inf_nan=False, description="Seconds from one window to the next.")
    model: str | None = Field(None, max_length=200, description="Which of the served models, by name.")


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
                    "request_id": EXAMPLE_REQUEST_ID,
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


class ItemBody(BaseModel):
    """The answer for one of several files: either `result` or `problem`."""

    index: int = Field(description="Its place in the form, from 0.")
    file: str | None = Field(description="The name it came with, without folders.")
    status: int = Field(description="What its status would be if it had come alone.")
    result: ClassifyResponse | None = None
    problem: Problem | None = None


class SeveralResponse(BaseModel):
    """The answer for several files in one form, one item for each in their order."""

    request_id: str
    items: list[ItemBody]
