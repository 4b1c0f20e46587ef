"""A trained network with 8-bit whole numbers in the place of floats, kept only if it loses nothing and gains time.

Static quantisation as onnxruntime does it: weights per channel, activations in ranges seen on training clips (QDQ).
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from audiocnn import checkpoint
from audiocnn.checkpoint import CONFIG, ONNX, WEIGHTS
from audiocnn.errors import ConfigError, MediaError
from audiocnn.inference.classifier import BATCH
from audiocnn.inference.onnx_backend import WEIGHTS_KEY, OnnxBackend
from audiocnn.inference.onnx_file import with_metadata
from audiocnn.media import opener
from audiocnn.spec import MAIN, InputSpec, ModelSpec
from training.config import Config
from training.data.manifest import Clip, read_clips
from training.data.split import split_of_model
from training.evaluate import answer
from training.metrics import measure

MOST_LOST = 0.005
"""Accuracy that quantisation may cost."""
_ROUNDING = 1e-9  # 0.9 - 0.895 is a little more than 0.005
_WINDOWS_OF_A_CLIP = 4
_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Gate:
    """What 8 bits cost and bring. speedup: of a batch on one thread, processor time of floats over that of 8 bits."""

    clips: int
    accuracy: float
    accuracy_int8: float
    speedup: float

    def check(self) -> None:
        """Raises `ConfigError` if more than `MOST_LOST` is lost, or if it is not faster."""
        if self.accuracy - self.accuracy_int8 > MOST_LOST + _ROUNDING:
            raise ConfigError(f"8 bits cost more than {MOST_LOST:g} of accuracy: {self}; nothing was written")
        if self.speedup <= 1:
            raise ConfigError(f"8 bits are not faster here: {self}; nothing was written")

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.3f} as floats and {self.accuracy_int8:.3f} in 8 bits on {self.clips} clips, "
            f"{self.speedup:.2f} times as fast"
        )


def quantize(config: Config, data: Path, model: Path, destination: Path, calibration_clips: int) -> Gate:
    """Write the model in the directory `model` to the new directory `destination`, its `model.onnx` in 8 bits.

    Ranges come from so many clips that the model was trained on, the gate from all that it was not trained on.
    Raises `ConfigError` if the gate does not let it pass, if there are no clips on one side, and for a model whose main
    task has no accuracy. Nothing is written then.
    """
    spec = checkpoint.read_spec(model)
    if spec.task.kind not in ("single_label", "binary"):
        raise ConfigError(f"the gate is on accuracy, which models of one label have; {spec.name!r} is {spec.task.kind}")
    if destination.exists():
        raise ConfigError(f"{destination} exists already; name a new folder, so that no model is lost")
    clips = read_clips(data, config.data, config.input.media, config.side_tasks)
    split = split_of_model(clips, config, spec)
    held_out = [*split.validation, *split.test]
    if not held_out:
        raise ConfigError("the gate needs clips that the model was not trained on; set data.validation, or a fold")
    with tempfile.TemporaryDirectory() as temporary:
        candidate = Path(temporary) / "model"
        candidate.mkdir()
        for name in (CONFIG, WEIGHTS):
            shutil.copy(model / name, candidate)
        _write_int8(model / ONNX, candidate / ONNX, spec, _spread(split.train, calibration_clips))
        model_bytes = (candidate / ONNX).read_bytes()
        (candidate / ONNX).write_bytes(with_metadata(model_bytes, WEIGHTS_KEY, checkpoint.weights_sha256(model)))
        gate = Gate(
            len(held_out),
            _accuracy(model, held_out, data, config),
            _accuracy(candidate, held_out, data, config),
            speedup(model / ONNX, candidate / ONNX, spec.input),
        )
        gate.check()
        shutil.copytree(candidate, destination)
    return gate


def _spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """So many of the clips from all over the list, which is often in the order of labels."""
    places = np.linspace(0, len(clips) - 1, min(count, len(clips))).astype(int)
    return [clips[place] for place in places]


class _Windows(CalibrationDataReader):  # type: ignore[misc]
    """Windows from the beginning of each clip, as the network takes them, one at a time."""

    def __init__(self, spec: ModelSpec, clips: Sequence[Clip]) -> None:
        self._windows = self._read(spec.input, clips)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._windows, None)

    def _read(self, spec: InputSpec, clips: Sequence[Clip]) -> Iterator[dict[str, NDArray[np.float32]]]:
        open_file = opener(spec)
        for clip in clips:
            try:
                with open_file(clip.path, None) as prepared:
                    windows = [window.values for window in islice(prepared.windows(), _WINDOWS_OF_A_CLIP)]
            except MediaError:  # the gate has its own limit on these
                continue
            yield from ({spec.input_name: values[np.newaxis]} for values in windows)


def _write_int8(source: Path, destination: Path, spec: ModelSpec, clips: Sequence[Clip]) -> None:
    prepared = destination.with_name("prepared.onnx")
    # Its symbolic shape inference needs one more package, and brings nothing where the graph says its shapes.
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        destination,
        _Windows(spec, clips),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Gemm"],
    )
    prepared.unlink()


def _accuracy(model: Path, clips: Sequence[Clip], data: Path, config: Config) -> float:
    answered, spec = answer(model, clips, data, max_unreadable=config.data.max_unreadable)
    measured = measure(answered.scores(spec.tasks)[MAIN], answered.targets[MAIN], spec.task, {})
    return float(measured["accuracy"])


def speedup(before: Path, after: Path, spec: InputSpec) -> float:
    """How many times less processor time `after` takes: the median over rounds in which they take turns."""
    backends = [OnnxBackend(path, spec.input_name) for path in (before, after)]
    windows = np.random.default_rng(0).standard_normal((BATCH, *spec.shape)).astype(np.float32)
    ratios = []
    for _ in range(_ROUNDS):
        taken = []
        for backend in backends:
            started = time.thread_time()
            backend(windows)
            taken.append(time.thread_time() - started)
        ratios.append(taken[0] / taken[1])
    return statistics.median(ratios)
