"""Results made by hand, for tests of what is written."""

from dataclasses import replace
from typing import Any

from audiocnn.batch.result import FileError, FileResult
from audiocnn.prediction import AudioInfo, Estimate, ImageInfo, ModelInfo, Prediction, Result, SegmentResult, Timing
from audiocnn.waveform import Segment

LABELS = ("rock", "pop", "jazz")


def predictions(*scores: float) -> tuple[Prediction, ...]:
    return tuple(Prediction(label, score) for label, score in zip(LABELS, scores, strict=True))


def answered(path: str = "song.wav", *, silent: bool = False, warnings: tuple[str, ...] = ()) -> FileResult:
    """Two segments of 4 s every 2 s: 0.7, 0.2, 0.1 for `LABELS`, the second silent; or nothing but silence."""
    heard = () if silent else predictions(0.7, 0.2, 0.1)
    return FileResult(
        path,
        Result(
            model=ModelInfo("genre", "1.0.0", "ab" * 32),
            media=AudioInfo(6.0, 44_100, 2, "wav"),
            predictions=heard,
            segments=(
                SegmentResult(Segment(0, 64_000, 16_000), silent, heard),
                SegmentResult(Segment(32_000, 96_000, 16_000), True, ()),
            ),
            warnings=warnings,
            timing=Timing(decode_ms=1.0, infer_ms=2.0),
            labels=() if silent else LABELS[:1],
        ),
    )


def estimated(path: str = "song.wav") -> FileResult:
    """Two quantities of one window."""
    estimates = (Estimate("tempo", 123.45678901, "BPM"), Estimate("swing", 2.5e-7, ""))
    return _replaced(
        path, predictions=estimates, labels=(), segments=(SegmentResult(Segment(0, 64_000, 16_000), False, estimates),)
    )


def pictured(path: str = "cat.png") -> FileResult:
    """An image: it has neither duration nor windows."""
    return _replaced(path, media=ImageInfo(640, 480, "RGB", "PNG"), segments=())


def _replaced(path: str, **changes: Any) -> FileResult:
    result = answered().outcome
    assert isinstance(result, Result)
    return FileResult(path, replace(result, **changes))


def failed(path: str = "bad.wav", code: str = "empty_audio", detail: str = "no bytes") -> FileResult:
    return FileResult(path, FileError(code, detail))
