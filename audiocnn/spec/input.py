"""What a model eats: `AudioSpec`, `ImageSpec`, `VideoSpec` and `VolumeSpec`, for 1, 2 and 3 axes.

They differ in their fields and share what the rest of the library needs to know: the `media` they describe, the name of
the network's input, the number of axes, and the `shape` of one input without the batch axis.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from audiocnn.errors import ConfigError
from audiocnn.limits import MAX_SAMPLE_RATE
from audiocnn.spec.checks import check_choice, check_counts, check_number

Media = Literal["audio", "image", "video", "volume"]
Normalisation = Literal["none", "peak", "rms", "standardise"]
Tail = Literal["shift", "pad", "drop"]
Silence = Literal["level", "detector"]
Fit = Literal["crop", "pad", "stretch"]


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """How audio becomes model input (see `audiocnn.audio.prepare`).

    sample_rate: Hz the model hears, at most `MAX_SAMPLE_RATE`.
    window, hop: samples of one model input, and from one to the next.
    normalisation: level of each window: `peak` (largest amplitude 1), `rms` (root mean square 1), `standardise`
      (zero mean, deviation 1) or `none`.
    tail: what happens to the samples after the last whole window (see `audiocnn.framing`).
    silence_db: windows whose RMS lies below this level (dB relative to full scale) count as silent.
    silence: `level` leaves out those windows only; `detector` also those in which the bundled silence detector hears
      nothing but background noise (see `audiocnn.inference.silence`).
    """

    media: ClassVar[Media] = "audio"
    input_name: ClassVar[str] = "waveform"
    ndim: ClassVar[Literal[1, 2, 3]] = 1
    channels: ClassVar[int] = 1

    sample_rate: int
    window: int
    hop: int
    normalisation: Normalisation = "rms"
    tail: Tail = "shift"
    silence_db: float = -70.0
    silence: Silence = "level"

    def __post_init__(self) -> None:
        check_counts(self, "sample_rate", "window", "hop")
        if self.sample_rate > MAX_SAMPLE_RATE:
            raise ConfigError(f"sample_rate must be at most {MAX_SAMPLE_RATE} Hz, got {self.sample_rate}")
        _check_hop(self.hop, self.window, "samples")
        check_choice("normalisation", self.normalisation, Normalisation)
        check_choice("tail", self.tail, Tail)
        if type(self.silence_db) not in (int, float) or math.isnan(self.silence_db):
            raise ConfigError(f"silence_db must be a number of dB, got {self.silence_db!r}")
        check_choice("silence", self.silence, Silence)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(channels, samples)` of one input."""
        return (1, self.window)

    @property
    def summary(self) -> str:
        """The input in words, for people."""
        window_s, hop_s = self.window / self.sample_rate, self.hop / self.sample_rate
        return f"{self.sample_rate} Hz, windows of {window_s:g} s every {hop_s:g} s"


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How a picture becomes model input (see `audiocnn.visual.image`).

    height, width: pixels the model sees. channels: 1 for grey, 3 for red, green and blue.
    fit: a picture of another shape is cut at the middle (`crop`), framed in black (`pad`) or distorted (`stretch`).
    mean, deviation: brightness from 0 to 1 becomes `(brightness - mean) / deviation`.
    """

    media: ClassVar[Media] = "image"
    input_name: ClassVar[str] = "image"
    ndim: ClassVar[Literal[1, 2, 3]] = 2

    height: int
    width: int
    channels: Literal[1, 3] = 1
    fit: Fit = "crop"
    mean: float = 0.5
    deviation: float = 0.25

    def __post_init__(self) -> None:
        check_counts(self, "height", "width")
        check_choice("channels", self.channels, Literal[1, 3])
        check_choice("fit", self.fit, Fit)
        _check_brightness(self.mean, self.deviation)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(channels, height, width)` of one input."""
        return (self.channels, self.height, self.width)

    @property
    def summary(self) -> str:
        """The input in words, for people."""
        return f"images of {_pixels(self)}"


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """How a video becomes model input (see `audiocnn.visual.video`).

    frames, hop: frames of one window, and from one to the next. frame_rate: whole frames a second the model sees;
      others are dropped or shown again.
    height, width, channels, fit, mean, deviation: of each frame, as in `ImageSpec`.
    tail: what happens to the frames after the last whole window: `shift` (a last window that ends with the video),
      `pad` (black) or `drop`. A video shorter than a window is repeated, or padded with `pad`.
    """

    media: ClassVar[Media] = "video"
    input_name: ClassVar[str] = "video"
    ndim: ClassVar[Literal[1, 2, 3]] = 3

    frames: int
    height: int
    width: int
    frame_rate: int
    hop: int
    channels: Literal[1, 3] = 1
    fit: Fit = "crop"
    mean: float = 0.5
    deviation: float = 0.25
    tail: Tail = "shift"

    def __post_init__(self) -> None:
        check_counts(self, "frames", "height", "width", "frame_rate", "hop")
        _check_hop(self.hop, self.frames, "frames")
        check_choice("channels", self.channels, Literal[1, 3])
        check_choice("fit", self.fit, Fit)
        check_choice("tail", self.tail, Tail)
        _check_brightness(self.mean, self.deviation)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(channels, frames, height, width)` of one input."""
        return (self.channels, self.frames, self.height, self.width)

    @property
    def summary(self) -> str:
        """The input in words, for people."""
        return (
            f"video of {_pixels(self)} at {self.frame_rate} frames a second, windows of {self.frames} frames "
            f"every {self.hop}"
        )


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """How a volume (an array of density, such as a CT scan) becomes model input (see `audiocnn.visual.volume`).

    depth, height, width: voxels the model sees. channels: 1, or how many the array's first axis has.
    low, high: the values that become 0 and 1; what lies outside is clipped. mean, deviation, fit: as in `ImageSpec`.
    """

    media: ClassVar[Media] = "volume"
    input_name: ClassVar[str] = "volume"
    ndim: ClassVar[Literal[1, 2, 3]] = 3

    depth: int
    height: int
    width: int
    channels: int = 1
    fit: Fit = "pad"
    low: float = 0.0
    high: float = 255.0
    mean: float = 0.5
    deviation: float = 0.25

    def __post_init__(self) -> None:
        check_counts(self, "depth", "height", "width", "channels")
        check_choice("fit", self.fit, Fit)
        check_number("low", self.low, "a finite number")
        check_number("high", self.high, f"a finite number above low = {self.low}", lowest=self.low)
        _check_brightness(self.mean, self.deviation)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(channels, depth, height, width)` of one input."""
        return (self.channels, self.depth, self.height, self.width)

    @property
    def summary(self) -> str:
        """The input in words, for people."""
        return f"volumes of {self.depth} x {self.height} x {self.width} voxels, values {self.low:g} to {self.high:g}"


InputSpec = AudioSpec | ImageSpec | VideoSpec | VolumeSpec

INPUT_SPECS: Mapping[str, type[InputSpec]] = {
    spec.media: spec for spec in (AudioSpec, ImageSpec, VideoSpec, VolumeSpec)
}
"""The record for each medium."""


def rate_hz(spec: InputSpec) -> int | None:
    """Positions a second along the first axis: samples of sound, frames of video; None where there is no time."""
    if isinstance(spec, AudioSpec):
        return spec.sample_rate
    return spec.frame_rate if isinstance(spec, VideoSpec) else None


def input_to_json(spec: InputSpec) -> dict[str, Any]:
    """The record as plain JSON types, its medium first."""
    return {"media": spec.media, **dataclasses.asdict(spec)}


def input_from_json(data: Mapping[str, Any]) -> InputSpec:
    """What `input_to_json` wrote; without a medium it is audio. Raises `ConfigError` or `TypeError` for others."""
    values = dict(data)
    media = values.pop("media", "audio")
    check_choice("media", media, Media)
    return INPUT_SPECS[media](**values)


def _pixels(spec: ImageSpec | VideoSpec) -> str:
    return f"{spec.height} x {spec.width} pixels, {'grey' if spec.channels == 1 else 'colour'}"


def _check_hop(hop: int, window: int, unit: str) -> None:
    if hop > window:
        raise ConfigError(
            f"hop must not exceed the window, or {unit} between windows never count: hop {hop}, window {window}; "
            "decrease hop"
        )


def _check_brightness(mean: object, deviation: object) -> None:
    check_number("mean", mean, "a finite number")
    check_number("deviation", deviation, "a finite number above 0", lowest=0)
