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
from audiocnn.nn.heads import head_of
from audiocnn.prediction import Answers, Estimate, ModelInfo, Prediction, Result, SegmentResult, Timing
from audiocnn.prepared import Window
from audiocnn.source import Source
from audiocnn.spec import ModelSpec
from audiocnn.waveform import Segment

Item = TypeVar("Item")

BATCH = 8
"""Windows per call of the backend: enough to fill it, few enough to bound memory."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A window with what decides, at the end of the file, whether it votes; a silent one has no row of answers."""

    segment: Segment | None
    level_db: float
    row: NDArray[np.float64] | None
    background: bool


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
        self._head = head_of(spec.task)

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
        started = time.perf_counter()
        infer_s = 0.0
        heard: list[_Heard] = []
        with self._open(source, limits) as prepared:
            for batch in batched(prepared.windows(), BATCH):
                batch_started = time.perf_counter()
                heard += self._hear(batch)
                infer_s += time.perf_counter() - batch_started
            media, warnings = prepared.info, [*prepared.warnings]
        sounding = [window for window in heard if window.row is not None]
        background = np.array([window.background for window in sounding], np.bool_)
        quiet = iter(left_out(background, np.array([window.level_db for window in sounding])))
        rows = [None if window.row is None or next(quiet) else window.row for window in heard]
        votes = [row for row in rows if row is not None]
        if votes and background.all():
            warnings.append("the silence detector hears nothing but background noise: do not rely on this answer")
        return Result(
            model=self.info,
            media=media,
            predictions=self._answers(np.mean(votes, axis=0)) if votes else (),
            segments=tuple(
                SegmentResult(window.segment, row is None, () if row is None else self._answers(row))
                for window, row in zip(heard, rows, strict=True)
                if window.segment is not None
            ),
            warnings=tuple(warnings),
            timing=Timing(
                decode_ms=1000 * (time.perf_counter() - started - infer_s),
                infer_ms=1000 * infer_s,
            ),
        )

    def warm_up(self) -> None:
        """Run the network once, on noise: a model that cannot answer fails here, and the first caller waits less.

        Raises `CheckpointError` if its files do not fit together.
        """
        values = np.random.default_rng(0).standard_normal(self.spec.input.shape).astype(np.float32)
        self._hear([Window(values, None)])

    def _hear(self, batch: list[Window]) -> list[_Heard]:
        sounding = [window for window in batch if not window.silent]
        rows, background = iter(self._rows(sounding)), iter(self._background(sounding))
        return [
            _Heard(window.segment, window.level_db, None, background=False)
            if window.silent
            else _Heard(window.segment, window.level_db, next(rows), background=bool(next(background)))
            for window in batch
        ]

    def _rows(self, windows: list[Window]) -> NDArray[np.float64]:
        """A number for each label, `(windows, labels)`: scores between 0 and 1, or values of quantities."""
        if not windows:
            return np.empty((0, len(self.spec.task.labels)))
        logits = self._backend(np.stack([window.values for window in windows]))
        wanted = (len(windows), self._head.num_outputs)
        if logits.shape != wanted or not np.isfinite(logits).all():
            raise CheckpointError(
                f"model {self.spec.name!r} gave logits of shape {logits.shape} or non-finite ones where "
                f"{wanted} finite ones were expected; its files do not fit together"
            )
        return self._head.answers(logits.astype(np.float64))

    def _answers(self, row: NDArray[np.float64]) -> Answers:
        task = self.spec.task
        if task.kind == "regression":
            named = zip(task.labels, row, task.quantities, strict=True)
            return tuple(Estimate(label, float(value), quantity.unit) for label, value, quantity in named)
        order = np.argsort(-row, kind="stable")
        return tuple(Prediction(task.labels[i], float(row[i])) for i in order)


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
