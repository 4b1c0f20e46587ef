"""`Classifier`: an encoded file in, `Result` out."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiocnn import pretrained
from audiocnn.checkpoint import ONNX, load_network, read_spec, weights_sha256
from audiocnn.errors import CheckpointError, ConfigError, MissingExtraError
from audiocnn.inference.backend import Backend
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.limits import DecodeLimits
from audiocnn.media import opener
from audiocnn.nn.heads import head_of
from audiocnn.prediction import Answers, Estimate, ModelInfo, Prediction, Result, SegmentResult, Timing
from audiocnn.prepared import Window
from audiocnn.source import Source
from audiocnn.spec import ModelSpec

Item = TypeVar("Item")

BATCH = 8
"""Windows per call of the backend: enough to fill it, few enough to bound memory."""


class Classifier:
    """A trained model that answers for whole files of any length, in constant memory.

    Safe to share between threads: a call keeps its state in local variables.
    """

    def __init__(self, spec: ModelSpec, backend: Backend, sha256: str) -> None:
        self.spec = spec
        self.info = ModelInfo(spec.name, spec.version, sha256)
        self._backend = backend
        self._open = opener(spec.input)
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
        segments: list[SegmentResult] = []
        total: NDArray[np.float64] = np.zeros(len(self.spec.task.labels))
        heard = 0
        with self._open(source, limits) as prepared:
            for batch in batched(prepared.windows(), BATCH):
                batch_started = time.perf_counter()
                rows = iter(self._rows([window for window in batch if not window.silent]))
                infer_s += time.perf_counter() - batch_started
                for window in batch:
                    answers: Answers = ()
                    if not window.silent:
                        row = next(rows)
                        total += row
                        heard += 1
                        answers = self._answers(row)
                    if window.segment is not None:
                        segments.append(SegmentResult(window.segment, window.silent, answers))
            media, warnings = prepared.info, tuple(prepared.warnings)
        return Result(
            model=self.info,
            media=media,
            predictions=self._answers(total / heard) if heard else (),
            segments=tuple(segments),
            warnings=warnings,
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
        self._rows([Window(values, None)])

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
