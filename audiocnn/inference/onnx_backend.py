"""Inference with onnxruntime on the CPU: no torch needed."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import CheckpointError


class OnnxBackend:
    """Runs `model.onnx`, whose input is called `input_name`.

    threads: threads inside one call; callers on several threads want 1. output: which output to answer with.
    Raises `CheckpointError` if the file is missing or not a model.
    """

    def __init__(self, path: Path, input_name: str, threads: int = 1, *, output: str = "logits") -> None:
        # Since 1.29 onnxruntime reports its use to its maker unless this is set before it is imported. Audio may be
        # private: whoever wants to report sets it to 0.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        if not path.is_file():
            raise CheckpointError(f"expected an ONNX model at {path}; write it with: audiocnn export {path.parent}")
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no public base class
            raise CheckpointError(f"{path} is not a model onnxruntime can run: {error}") from error
        inputs = [end.name for end in self._session.get_inputs()]
        outputs = [end.name for end in self._session.get_outputs()]
        if inputs != [input_name] or output not in outputs:
            raise CheckpointError(
                f"{path} must take {input_name!r} and give {output!r}, it has {', '.join(inputs + outputs)}; "
                f"write it with: audiocnn export {path.parent}"
            )
        self._input_name, self._output = input_name, output

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._session.run([self._output], {self._input_name: windows})[0]
        return logits
