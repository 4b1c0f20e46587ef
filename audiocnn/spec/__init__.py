"""What a model eats, what it answers and how it is built: records that travel with the weights as `config.json`."""

from audiocnn.spec.input import (
    INPUT_SPECS,
    AudioSpec,
    Fit,
    ImageSpec,
    InputSpec,
    Media,
    Normalisation,
    Tail,
    VideoSpec,
    VolumeSpec,
    rate_hz,
)
from audiocnn.spec.model import MAIN, ModelSpec
from audiocnn.spec.recut import recut
from audiocnn.spec.task import Quantity, Scale, TaskKind, TaskSpec

__all__ = [
    "INPUT_SPECS",
    "MAIN",
    "AudioSpec",
    "Fit",
    "ImageSpec",
    "InputSpec",
    "Media",
    "ModelSpec",
    "Normalisation",
    "Quantity",
    "Scale",
    "Tail",
    "TaskKind",
    "TaskSpec",
    "VideoSpec",
    "VolumeSpec",
    "rate_hz",
    "recut",
]
