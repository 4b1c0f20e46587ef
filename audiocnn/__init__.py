"""Classify audio with 1D CNNs on raw waveforms.

    from audiocnn import Classifier

    classifier = Classifier.load("genre")
    print(classifier.classify("song.wav").predictions[0])

Names are loaded on first use: `import audiocnn` alone imports neither torch nor onnxruntime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from audiocnn.errors import AudioCnnError, AudioError, MediaError
from audiocnn.prediction import Estimate, Prediction, Result, SegmentResult
from audiocnn.spec import AudioSpec, ImageSpec, ModelSpec, Quantity, TaskSpec, VideoSpec, VolumeSpec
from audiocnn.waveform import Segment, Waveform

if TYPE_CHECKING:
    from audiocnn.audio.decode import decode
    from audiocnn.batch.folder import classify_folder
    from audiocnn.batch.table import to_table
    from audiocnn.inference.classifier import Classifier
    from audiocnn.isolation.pool import DecoderPool
    from audiocnn.limits import DecodeLimits

__version__ = "0.1.0"

_LAZY = {
    "Classifier": "audiocnn.inference.classifier",
    "DecodeLimits": "audiocnn.limits",
    "DecoderPool": "audiocnn.isolation.pool",
    "classify_folder": "audiocnn.batch.folder",
    "decode": "audiocnn.audio.decode",
    "to_table": "audiocnn.batch.table",
}

__all__ = [
    "AudioCnnError",
    "AudioError",
    "AudioSpec",
    "Classifier",
    "DecodeLimits",
    "DecoderPool",
    "Estimate",
    "ImageSpec",
    "MediaError",
    "ModelSpec",
    "Prediction",
    "Quantity",
    "Result",
    "Segment",
    "SegmentResult",
    "TaskSpec",
    "VideoSpec",
    "VolumeSpec",
    "Waveform",
    "classify_folder",
    "decode",
    "to_table",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'audiocnn' has no attribute {name!r}")
