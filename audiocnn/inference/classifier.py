"""`Classifier`: encoded audio in, `Result` out."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audiocnn import pretrained
from audiocnn.audio.decode import Source, open_audio
from audiocnn.audio.prepare import Window, prepare
from audiocnn.audio.reader import DecodeLimits
from audiocnn.checkpoint import ONNX, load_network, read_spec, weights_sha256
from audiocnn.errors import CheckpointError, ConfigError, MissingExtraError
from audiocnn.inference.backend import Backend
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.prediction import AudioInfo, ModelInfo, Prediction, Result, SegmentResult, Timing
from audiocnn.spec import ModelSpec, TaskKind

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

    @classmethod
    def load(
        cls, model: str | Path = "genre", *, backend: Literal["onnx", "torch"] = "onnx", threads: int = 1
    ) -> "Classifier":
        """The model with a bundled name, or the one in a directory.

        backend: `onnx` runs `model.onnx` on the CPU; `torch` builds the network (extra `train`).
        threads: CPU threads inside one call of the ONNX backend.
        Raises `UnknownModelError`, `CheckpointError`, `ConfigError` for another backend, and `MissingExtraError` for
        torch when it is not installed.
        """
        directory = pretrained.resolve(model)
        spec, sha256 = read_spec(directory), weights_sha256(directory)
        if backend not in ("onnx", "torch"):
            raise ConfigError(f"backend must be 'onnx' or 'torch', got {backend!r}")
        if backend == "onnx":
            return cls(spec, OnnxBackend(directory / ONNX, threads), sha256)
        try:
            from audiocnn.inference.torch_backend import TorchBackend
        except ImportError as error:
            raise MissingExtraError("backend 'torch' needs torch: pip install 'audiocnn[train]'") from error
        return cls(spec, TorchBackend(load_network(directory)[1]), sha256)

    @property
    def window_s(self) -> float:
        """The seconds of sound in one window."""
        return self.spec.input.window / self.spec.input.sample_rate

    def classify(self, source: Source, limits: DecodeLimits | None = None) -> Result:
        """Scores of one file: over the whole clip and for each window.

        source: encoded audio as bytes, or the path of a file. limits: what to refuse (see `DecodeLimits`).
        Raises an `AudioError` that says what is wrong with the audio.
        """
        started = time.perf_counter()
        infer_s = 0.0
        segments: list[SegmentResult] = []
        total: NDArray[np.float64] = np.zeros(len(self.spec.task.labels))
        voiced = 0
        with open_audio(source, limits) as reader:
            for batch in _batches(prepare(reader, self.spec.input, limits)):
                heard = [window for window in batch if not window.silent]
                batch_started = time.perf_counter()
                batch_scores = iter(self._scores(heard))
                infer_s += time.perf_counter() - batch_started
                for window in batch:
                    if window.silent:
                        segments.append(SegmentResult(window.segment, silent=True, predictions=()))
                        continue
                    scores = next(batch_scores)
                    total += scores
                    voiced += 1
                    segments.append(SegmentResult(window.segment, silent=False, predictions=self._ranked(scores)))
            warnings = list(reader.warnings)
            duration_s = reader.num_samples / reader.sample_rate
            audio_info = AudioInfo(duration_s, reader.sample_rate, reader.channels, reader.format)
        if not voiced:
            warnings.append(
                f"no sound above {self.spec.input.silence_db:g} dB after mixing to mono: silence has no label"
            )
        elif 4 * duration_s < self.window_s:
            warnings.append(
                f"{duration_s:.3f} s of sound is little for a model that hears {self.window_s:g} s at a time: "
                "do not rely on this answer"
            )
        return Result(
            model=self.info,
            audio=audio_info,
            predictions=self._ranked(total / voiced) if voiced else (),
            segments=tuple(segments),
            warnings=tuple(warnings),
            timing=Timing(
                decode_ms=1000 * (time.perf_counter() - started - infer_s),
                infer_ms=1000 * infer_s,
            ),
        )

    def _scores(self, windows: list[Window]) -> NDArray[np.float64]:
        """Scores `(windows, labels)` between 0 and 1."""
        if not windows:
            return np.empty((0, len(self.spec.task.labels)))
        logits = self._backend(np.stack([window.samples for window in windows]))
        if logits.shape != (len(windows), len(self.spec.task.labels)) or not np.isfinite(logits).all():
            raise CheckpointError(
                f"model {self.spec.name!r} gave logits of shape {logits.shape} or non-finite ones where "
                f"({len(windows)}, {len(self.spec.task.labels)}) finite ones were expected; its files do not fit "
                "together"
            )
        return scores_of(logits.astype(np.float64), self.spec.task.kind)

    def _ranked(self, scores: NDArray[np.float64]) -> tuple[Prediction, ...]:
        order = np.argsort(-scores, kind="stable")
        return tuple(Prediction(self.spec.task.labels[i], float(scores[i])) for i in order)


def scores_of(logits: NDArray[np.float64], kind: TaskKind) -> NDArray[np.float64]:
    """Logits `(batch, labels)` as scores: softmax for `single_label`, a sigmoid for each label for `multi_label`."""
    if kind == "multi_label":
        return 0.5 + 0.5 * np.tanh(0.5 * logits)  # the sigmoid, without overflow
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return scores


def _batches(windows: Iterable[Window]) -> Iterator[list[Window]]:
    batch: list[Window] = []
    for window in windows:
        batch.append(window)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
