"""`Classifier`: an encoded file in, `Result` out."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiocnn import pretrained
from audiocnn.checkpoint import ONNX, load_network, read_spec, weights_sha256
from audiocnn.errors import CheckpointError, ConfigError, MissingExtraError
from audiocnn.inference.backend import Backend
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.inference.silence import background_rule, left_out
from audiocnn.limits import DecodeLimits
from audiocnn.media import opener
from audiocnn.nn.heads import Heads
from audiocnn.prediction import Answers, Estimate, MediaInfo, ModelInfo, Prediction, Result, SegmentResult, Timing
from audiocnn.prepared import Window
from audiocnn.source import Source
from audiocnn.spec import MAIN, ModelSpec, TaskSpec
from audiocnn.waveform import Segment

Item = TypeVar("Item")

BATCH = 8
"""Windows per call of the backend: enough to fill it, few enough to bound memory."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A window with what decides, at the end of the file, whether it votes; a silent one has no logits."""

    segment: Segment | None
    level_db: float
    logits: NDArray[np.float64] | None
    background: bool


@dataclass(frozen=True, slots=True)
class _HeardFile:
    """A file as the network took it: the logits of each window, None for one that does not vote."""

    media: MediaInfo
    segments: list[Segment | None]
    votes: list[NDArray[np.float64] | None]
    warnings: tuple[str, ...]
    timing: Timing


class Classifier:
    """A trained model that answers for whole files of any length, in constant memory.

    Safe to share between threads: a call keeps its state in local variables.
    """

    def __init__(self, spec: ModelSpec, backend: Backend, sha256: str) -> None:
        self.spec = spec
        self.info = ModelInfo(spec.name, spec.version, sha256)
        self._backend = backend
        self._open = opener(spec.input)
        self._background = background_rule(spec.input)
        self._tasks = spec.tasks
        self._heads = Heads(self._tasks)

    @classmethod
    def load(
        cls, model: str | Path = "genre", *, backend: Literal["onnx", "torch"] = "onnx", threads: int = 1
    ) -> "Classifier":
        """The model with a bundled name, or the one in a directory.

        backend: `onnx` runs `model.onnx` on the CPU; `torch` builds the network (extra `train`).
        threads: CPU threads inside one call of the ONNX backend.
        Raises `UnknownModelError`, `CheckpointError`, `ConfigError` for another backend, and `MissingExtraError` for
        torch, or what images and video need, when it is not installed.
        """
        directory = pretrained.resolve(model)
        spec, sha256 = read_spec(directory), weights_sha256(directory)
        if backend not in ("onnx", "torch"):
            raise ConfigError(f"backend must be 'onnx' or 'torch', got {backend!r}")
        if backend == "onnx":
            return cls(spec, OnnxBackend(directory / ONNX, spec.input.input_name, threads), sha256)
        try:
            from audiocnn.inference.torch_backend import TorchBackend
        except ImportError as error:
            raise MissingExtraError("backend 'torch' needs torch: pip install 'audiocnn[train]'") from error
        return cls(spec, TorchBackend(load_network(directory)[1]), sha256)

    def classify(self, source: Source, limits: DecodeLimits | None = None) -> Result:
        """The answers for one file: over the whole file and, for sound and video, for each window.

        source: an encoded file as bytes, or the path of one. limits: what to refuse (see `DecodeLimits`).
        Raises a `MediaError` that says what is wrong with the file.
        """
        heard = self._listen(source, limits)
        rows = [None if vote is None else self._heads.answers(vote[np.newaxis])[0] for vote in heard.votes]
        votes = np.array([vote for vote in heard.votes if vote is not None])
        whole = self._heads.of_clips(votes, np.array([len(votes)]))[0] if len(votes) else None
        answers, labels = self._answers(whole), self._labels(whole)
        return Result(
            model=self.info,
            media=heard.media,
            predictions=answers[MAIN],
            segments=tuple(
                self._segment_result(segment, row)
                for segment, row in zip(heard.segments, rows, strict=True)
                if segment is not None
            ),
            warnings=heard.warnings,
            timing=heard.timing,
            side=_side(answers),
            labels=labels.pop(MAIN),
            side_labels=labels,
        )

    def logits(
        self, source: Source, limits: DecodeLimits | None = None
    ) -> tuple[NDArray[np.float64], list[Segment | None]]:
        """What the network says of the windows that vote, `(windows, outputs)`, and where in the file each of them is.

        The answer for the file is what `Heads.of_clips` makes of them; of nothing but silence there are none. What
        has no time has no segment. Raises what `classify` raises.
        """
        heard = self._listen(source, limits)
        votes = [(vote, where) for vote, where in zip(heard.votes, heard.segments, strict=True) if vote is not None]
        logits = np.array([vote for vote, _ in votes]).reshape(len(votes), self._heads.num_outputs)
        return logits, [where for _, where in votes]

    def warm_up(self) -> None:
        """Run the network once, on noise: a model that cannot answer fails here, and the first caller waits less.

        Raises `CheckpointError` if its files do not fit together.
        """
        values = np.random.default_rng(0).standard_normal(self.spec.input.shape).astype(np.float32)
        self._hear([Window(values, None)])

    def _listen(self, source: Source, limits: DecodeLimits | None) -> _HeardFile:
        started = time.perf_counter()
        infer_s = 0.0
        heard: list[_Heard] = []
        with self._open(source, limits) as prepared:
            for batch in batched(prepared.windows(), BATCH):
                batch_started = time.perf_counter()
                heard += self._hear(batch)
                infer_s += time.perf_counter() - batch_started
            media, warnings = prepared.info, [*prepared.warnings]
        sounding = [window for window in heard if window.logits is not None]
        background = np.array([window.background for window in sounding], np.bool_)
        quiet = iter(left_out(background, np.array([window.level_db for window in sounding])))
        votes = [None if window.logits is None or next(quiet) else window.logits for window in heard]
        if sounding and background.all():
            warnings.append("the silence detector hears nothing but background noise: do not rely on this answer")
        return _HeardFile(
            media,
            [window.segment for window in heard],
            votes,
            tuple(warnings),
            Timing(decode_ms=1000 * (time.perf_counter() - started - infer_s), infer_ms=1000 * infer_s),
        )

    def _hear(self, batch: list[Window]) -> list[_Heard]:
        sounding = [window for window in batch if not window.silent]
        logits, background = iter(self._logits(sounding)), iter(self._background(sounding))
        return [
            _Heard(window.segment, window.level_db, None, background=False)
            if window.silent
            else _Heard(window.segment, window.level_db, next(logits), background=bool(next(background)))
            for window in batch
        ]

    def _logits(self, windows: list[Window]) -> NDArray[np.float64]:
        """`(windows, outputs)`."""
        if not windows:
            return np.empty((0, self._heads.num_outputs))
        logits = self._backend(np.stack([window.values for window in windows]))
        wanted = (len(windows), self._heads.num_outputs)
        if logits.shape != wanted or not np.isfinite(logits).all():
            raise CheckpointError(
                f"model {self.spec.name!r} gave logits of shape {logits.shape} or non-finite ones where "
                f"{wanted} finite ones were expected; its files do not fit together"
            )
        return logits.astype(np.float64)

    def _segment_result(self, segment: Segment, row: NDArray[np.float64] | None) -> SegmentResult:
        answers = self._answers(row)
        return SegmentResult(segment, row is None, answers[MAIN], _side(answers))

    def _answers(self, row: NDArray[np.float64] | None) -> dict[str, Answers]:
        """The answers of each task in a row of numbers; without one there are none."""
        if row is None:
            return dict.fromkeys(self._tasks, ())
        rows = self._heads.split(row)
        return {name: _named(rows[name], task) for name, task in self._tasks.items()}

    def _labels(self, row: NDArray[np.float64] | None) -> dict[str, tuple[str, ...]]:
        """The labels that each task decides for."""
        if row is None:
            return dict.fromkeys(self._tasks, ())
        rows = self._heads.split(row)
        return {name: task.decided(rows[name].tolist()) for name, task in self._tasks.items()}


def _named(row: NDArray[np.float64], task: TaskSpec) -> Answers:
    if task.kind == "regression":
        named = zip(task.labels, row, task.quantities, strict=True)
        return tuple(Estimate(label, float(value), quantity.unit) for label, value, quantity in named)
    order = np.argsort(-row, kind="stable")
    return tuple(Prediction(task.labels[i], float(row[i])) for i in order)


def _side(answers: dict[str, Answers]) -> dict[str, Answers]:
    return {name: found for name, found in answers.items() if name != MAIN}


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of `size`, the last one as long as it comes."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
