"""Inference with onnxruntime: no torch needed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import CheckpointError, ConfigError
from audiocnn.inference.backend import Device

WEIGHTS_KEY = "audiocnn.weights_sha256"
"""Under which an exported file tells the SHA-256 of the weights it was made of."""
_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_session(
    path: Path, model: bytes | None = None, *, threads: int = 1, device: Device = "cpu"
) -> "InferenceSession":
    """The ONNX file at `path`, ready to run; model: other bytes to run instead.

    threads, device: see `OnnxBackend`, which also says what this raises.
    """
    if device not in get_args(Device):
        raise ConfigError(f"device must be one of {', '.join(get_args(Device))}, got {device!r}")
    # Since 1.29 onnxruntime reports its use to its maker unless this is set before it is imported. Audio may be
    # private: whoever wants to report sets it to 0.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # as fast without, in less memory: benchmarks/onnx_settings.py
    if not path.is_file():
        raise CheckpointError(f"expected an ONNX model at {path}; write it with: audiocnn export {path.parent}")
    has_cuda = _CUDA in onnxruntime.get_available_providers()
    try:
        providers = [_CUDA, _CPU] if has_cuda and device != "cpu" else [_CPU]
        session = onnxruntime.InferenceSession(model or path, options, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise CheckpointError(f"{path} is not a model onnxruntime can run: {error}") from error
    if device == "cuda" and _CUDA not in session.get_providers():  # without a driver it falls back in silence
        raise ConfigError(
            "device 'cuda' needs an NVIDIA GPU with its driver, and the package onnxruntime-gpu in the place of "
            "onnxruntime; use 'cpu' or 'auto'"
        )
    return session


class OnnxBackend:
    """Runs `model.onnx`, whose input is called `input_name`.

    threads: threads inside one call; callers on several threads want 1. output: which output to answer with.
    device: where it runs; a GPU takes the package onnxruntime-gpu.
    weights_sha256: of the weights the file was made of, None if it does not say.
    Raises `CheckpointError` if the file is missing or not a model, `ConfigError` if the device is not there.
    """

    def __init__(
        self, path: Path, input_name: str, threads: int = 1, *, output: str = "logits", device: Device = "cpu"
    ) -> None:
        self._session = open_session(path, threads=threads, device=device)
        inputs = [end.name for end in self._session.get_inputs()]
        outputs = [end.name for end in self._session.get_outputs()]
        if inputs != [input_name] or output not in outputs:
            raise CheckpointError(
                f"{path} must take {input_name!r} and give {output!r}, it has {', '.join(inputs + outputs)}; "
                f"write it with: audiocnn export {path.parent}"
            )
        self._input_name, self._output = input_name, output
        self.weights_sha256: str | None = self._session.get_modelmeta().custom_metadata_map.get(WEIGHTS_KEY)

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._session.run([self._output], {self._input_name: windows})[0]
        return logits
