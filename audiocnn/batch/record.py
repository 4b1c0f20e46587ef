"""How the journal keeps a `FileResult`: packed JSON, about three bytes for each score."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import JournalError
from audiocnn.prediction import (
    Answers,
    AudioInfo,
    Estimate,
    ImageInfo,
    MediaInfo,
    ModelInfo,
    Prediction,
    Result,
    SegmentResult,
    Timing,
    VideoInfo,
    VolumeInfo,
)
from audiocnn.spec import MAIN, TaskSpec
from audiocnn.waveform import Segment

VERSION = 1
"""To be counted up whenever old records would be misread."""

_MEDIA: Mapping[str, Callable[..., MediaInfo]] = {
    info.media: info for info in (AudioInfo, ImageInfo, VideoInfo, VolumeInfo)
}
_MILLION = 1_000_000


class DamagedRecordError(JournalError):
    """The bytes are no record, or one of another model."""


class Records:
    """Packs the results of one model and unpacks them again.

    What comes back has the same JSON, whatever `top_k`, `threshold` and `segments`: scores have six digits after the
    point and values eight in all, as they have there. The labels themselves are not kept but taken from `tasks`.
    """

    def __init__(self, model: ModelInfo, tasks: Mapping[str, TaskSpec]) -> None:
        self._model = model
        self._tasks = tasks

    def pack(self, file: FileResult) -> bytes:
        """The record of a whole answer, with every label's score, or of an error; without its path."""
        if isinstance(file.outcome, FileError):
            body: dict[str, Any] = {"error": [file.outcome.code, file.outcome.detail]}
        else:
            body = self._packed(file.outcome)
        text = json.dumps({"id": file.request_id, **body}, separators=(",", ":"))
        return zlib.compress(text.encode("ascii"))

    def unpack(self, path: str, record: bytes, *, segments: bool = True) -> FileResult:
        """The result for the file at `path`; segments: whether with the answer for each window, which takes most of
        the time. Raises `DamagedRecordError` for bytes that `pack` did not give."""
        try:
            body = json.loads(zlib.decompress(record))
            outcome = FileError(*body["error"]) if "error" in body else self._unpacked(body, segments)
            return FileResult(path, outcome, body["id"])
        except (zlib.error, ValueError, TypeError, LookupError) as error:
            raise DamagedRecordError(f"the record of {path} is damaged: {error}") from error

    def _packed(self, result: Result) -> dict[str, Any]:
        media, timing = result.media, result.timing
        answers = {MAIN: result.predictions, **result.side}
        return {
            "kind": media.media,
            "media": [getattr(media, field.name) for field in fields(media)],
            "timing": [timing.decode_ms, timing.infer_ms, timing.queue_ms],
            "warnings": result.warnings,
            "labels": [
                self._indices(name, labels) for name, labels in self._by_task(result.labels, result.side_labels)
            ],
            "scores": list(self._scores(answers)),
            "rate": result.segments[0].segment.sample_rate if result.segments else 1,
            "segments": list(self._rows(result.segments)),
        }

    def _unpacked(self, body: dict[str, Any], segments: bool) -> Result:
        kind = body["kind"]
        media = _MEDIA[kind](*(tuple(value) if isinstance(value, list) else value for value in body["media"]))
        answers = self._answers(body["scores"])
        labels = {
            name: tuple(task.labels[index] for index in indices)
            for (name, task), indices in zip(self._tasks.items(), body["labels"], strict=True)
        }
        return Result(
            model=self._model,
            media=media,
            predictions=answers.pop(MAIN),
            segments=tuple(self._segments(body["segments"], body["rate"])) if segments else (),
            warnings=tuple(body["warnings"]),
            timing=Timing(*body["timing"]),
            side=answers,
            labels=labels.pop(MAIN),
            side_labels=labels,
        )

    def _rows(self, segments: Sequence[SegmentResult]) -> Iterator[list[float]]:
        """For each window its distance from the one before, its length, and its scores, none if it is silent: in most
        files the first two are the same again and again, which packs to nothing."""
        before = 0
        for part in segments:
            span = part.segment
            scores = () if part.silent else self._scores({MAIN: part.predictions, **part.side})
            yield [span.start - before, span.num_samples, *scores]
            before = span.start

    def _segments(self, rows: list[list[float]], rate: int) -> Iterator[SegmentResult]:
        start = 0
        for distance, length, *scores in rows:
            start += int(distance)
            answers = self._answers(scores)
            segment = Segment(start, start + int(length), rate)
            yield SegmentResult(segment, not scores, answers.pop(MAIN), answers)

    def _scores(self, answers: Mapping[str, Answers]) -> Iterator[float]:
        """The millionths of the scores of all tasks, or values, in the order of the labels; nothing for silence."""
        for name, task in self._tasks.items():
            found = {answer.label: answer for answer in answers[name]}
            for label in task.labels if found else ():
                answer = found[label]
                if isinstance(answer, Prediction):
                    yield round(round(answer.score, 6) * _MILLION)
                else:
                    yield answer.to_json()["value"]

    def _answers(self, scores: list[float]) -> dict[str, Answers]:
        found: dict[str, Answers] = dict.fromkeys(self._tasks, ())
        for name, task in self._tasks.items() if scores else ():
            own, scores = scores[: len(task.labels)], scores[len(task.labels) :]
            if task.kind == "regression":
                named = zip(task.labels, own, task.quantities, strict=True)
                found[name] = tuple(Estimate(label, value, quantity.unit) for label, value, quantity in named)
            else:
                order = sorted(range(len(task.labels)), key=own.__getitem__, reverse=True)
                found[name] = tuple(Prediction(task.labels[index], own[index] / _MILLION) for index in order)
        if scores:
            raise ValueError(f"{len(scores)} scores too many")
        return found

    def _by_task(
        self, main: tuple[str, ...], side: Mapping[str, tuple[str, ...]]
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name in self._tasks:
            yield name, main if name == MAIN else side[name]

    def _indices(self, task: str, labels: tuple[str, ...]) -> list[int]:
        return [self._tasks[task].labels.index(label) for label in labels]
