"""Answers: what a classifier says about one file, as records and as the JSON that HTTP and the batch CLI share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from audiocnn.spec import Media
from audiocnn.waveform import Segment


@dataclass(frozen=True, slots=True)
class Prediction:
    """A label and its score between 0 and 1."""

    label: str
    score: float

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "score": round(self.score, 6)}


@dataclass(frozen=True, slots=True)
class Estimate:
    """The answer of a regression: the name of a quantity, and its value in a unit."""

    label: str
    value: float
    unit: str

    def to_json(self) -> dict[str, Any]:
        # Eight digits are all that float32 has, however large or small the unit makes the number.
        return {"label": self.label, "value": float(f"{self.value:.8g}"), "unit": self.unit}


Answers = tuple[Prediction, ...] | tuple[Estimate, ...]
"""Predictions, best first, or the estimates of a regression, in the order of its task."""


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """The answers for one window of sound or video; a silent window has none and does not vote.

    side: those of the model's side tasks, by name.
    """

    segment: Segment
    silent: bool
    predictions: Answers
    side: Mapping[str, Answers] = field(default_factory=dict)

    def to_json(self, top_k: int | None = None, threshold: float = 0.0) -> dict[str, Any]:
        return {
            "start_s": round(self.segment.start_s, 6),
            "end_s": round(self.segment.end_s, 6),
            "silent": self.silent,
            **_told(self.predictions, self.side, top_k, threshold),
        }


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """The answer for a window of live sound, and for the last few windows together.

    predictions, side, labels, side_labels: as in `Result`, over the last windows; empty if all of them are silent.
    """

    segment: SegmentResult
    predictions: Answers
    labels: tuple[str, ...]
    side: Mapping[str, Answers] = field(default_factory=dict)
    side_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self, *, top_k: int | None = None, threshold: float = 0.0) -> dict[str, Any]:
        """The answer as plain JSON types; `top_k` and `threshold` as in `Result.to_json`."""
        body = {**_told(self.predictions, self.side, top_k, threshold), "labels": list(self.labels)}
        if self.side_labels:
            body["side_labels"] = {name: list(labels) for name, labels in self.side_labels.items()}
        return {"segment": self.segment.to_json(top_k, threshold), **body}


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """The sound as it came: before any conversion."""

    media: ClassVar[Media] = "audio"

    duration_s: float
    sample_rate: int
    channels: int
    format: str

    def to_json(self) -> dict[str, Any]:
        return {
            "duration_s": round(self.duration_s, 6),
            "sample_rate": self.sample_rate,
            "channels": self.channels,
            "format": self.format,
        }


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """The picture as it came; `mode` is Pillow's word for its colours, such as `L` or `RGB`."""

    media: ClassVar[Media] = "image"

    width: int
    height: int
    mode: str
    format: str

    def to_json(self) -> dict[str, Any]:
        return {"width": self.width, "height": self.height, "mode": self.mode, "format": self.format}


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The video as it came; `num_frames` counts those that could be decoded."""

    media: ClassVar[Media] = "video"

    duration_s: float
    num_frames: int
    width: int
    height: int
    codec: str
    format: str

    def to_json(self) -> dict[str, Any]:
        return {
            "duration_s": round(self.duration_s, 6),
            "num_frames": self.num_frames,
            "width": self.width,
            "height": self.height,
            "codec": self.codec,
            "format": self.format,
        }


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """The array as it came: its shape and its NumPy type."""

    media: ClassVar[Media] = "volume"

    shape: tuple[int, ...]
    dtype: str
    format: str

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype, "format": self.format}


MediaInfo = AudioInfo | ImageInfo | VideoInfo | VolumeInfo


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which weights answered."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time went, in milliseconds.

    queue_ms: waiting for a free worker; a caller that queues nothing leaves it at 0.
    """

    decode_ms: float
    infer_ms: float
    queue_ms: float = 0.0

    def to_json(self) -> dict[str, float]:
        total_ms = self.queue_ms + self.decode_ms + self.infer_ms
        return {
            "queue": round(self.queue_ms, 3),
            "decode": round(self.decode_ms, 3),
            "infer": round(self.infer_ms, 3),
            "total": round(total_ms, 3),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The answer for a whole file.

    media: the file as it came; its class tells whether it was audio, an image, a video or a volume.
    predictions: answers for the file: the mean over the windows that are not silent. Empty if all are.
    segments: the answer for each window in time order; empty for what has no time.
    warnings: what the caller should know: a truncated file, nothing but silence.
    side: as `predictions`, those of the model's side tasks, by name; empty for a model that has none.
    labels: those to act on (`TaskSpec.decided`): the best one, or none if it is too uncertain; of several labels those
      that reach their threshold; none of a regression. side_labels: of the side tasks, by name.
    """

    model: ModelInfo
    media: MediaInfo
    predictions: Answers
    segments: tuple[SegmentResult, ...]
    warnings: tuple[str, ...]
    timing: Timing
    side: Mapping[str, Answers] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    side_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self, *, top_k: int | None = None, threshold: float = 0.0, segments: bool = False) -> dict[str, Any]:
        """The answer as plain JSON types: the body of `POST /classify` without its `request_id`.

        top_k: how many predictions to keep, all by default. threshold: the least score kept. A regression always gives
        all of its estimates. segments: whether to add the answer for each window. All of this holds for side tasks too,
        which come as `side`, by name, where the model has some.
        """

        body: dict[str, Any] = {
            "model": {"name": self.model.name, "version": self.model.version, "sha256": self.model.sha256},
            self.media.media: self.media.to_json(),
            **_told(self.predictions, self.side, top_k, threshold),
            "labels": list(self.labels),
        }
        if self.side_labels:
            body["side_labels"] = {name: list(labels) for name, labels in self.side_labels.items()}
        if segments:
            body["segments"] = [segment.to_json(top_k, threshold) for segment in self.segments]
        body["warnings"] = list(self.warnings)
        body["timing_ms"] = self.timing.to_json()
        return body


def _told(answers: Answers, side: Mapping[str, Answers], top_k: int | None, threshold: float) -> dict[str, Any]:
    def kept(answers: Answers) -> list[dict[str, Any]]:
        estimates = [answer for answer in answers if isinstance(answer, Estimate)]
        best = [answer for answer in answers if isinstance(answer, Prediction) and answer.score >= threshold]
        return [*(answer.to_json() for answer in estimates), *(answer.to_json() for answer in best[:top_k])]

    sides = {"side": {name: kept(found) for name, found in side.items()}} if side else {}
    return {"predictions": kept(answers), **sides}
