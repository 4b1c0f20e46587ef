"""ONNX export: the network as `audiocnn.nn.lowering` prepares it, checked against torch."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from audiocnn.annotate import annotate
from audiocnn.checkpoint import ONNX, load_network, weights_sha256, write_atomically
from audiocnn.errors import CheckpointError
from audiocnn.inference.onnx_backend import WEIGHTS_KEY, OnnxBackend
from audiocnn.inference.onnx_file import with_metadata
from audiocnn.nn.lowering import AnswersFrames, WithFrames, lower
from audiocnn.spec import AudioSpec, InputSpec

TOLERANCE = 1e-4
"""Of the largest logit, or of 1 if all are smaller: the rounding of float32 grows with the numbers that are added."""

_OPSET = 18


def export_onnx(directory: Path) -> Path:
    """Write `model.onnx` beside the weights in `directory` and check it against torch.

    The batch size stays dynamic, and of sound the length too; the check runs others than the export saw. The file names
    its layers (`audiocnn.annotate`), so that they can be looked at without torch, and the weights it was made of.
    Raises `CheckpointError` if a logit is no finite number or differs by more than `TOLERANCE`; the old file is kept
    then.
    """
    spec, network = load_network(directory)
    with tempfile.TemporaryDirectory() as temporary:
        candidate = Path(temporary) / ONNX
        write_onnx(lower(network), spec.input, candidate)
        _check(network, candidate, spec.input)
        exported = annotate(network, spec.input, candidate).written_into(candidate.read_bytes())
    exported = with_metadata(exported, WEIGHTS_KEY, weights_sha256(directory))
    write_atomically(directory / ONNX, exported)
    return directory / ONNX


def write_onnx(network: nn.Module, spec: InputSpec, path: Path) -> None:
    """Write a network as it is, in evaluation mode, for input of `spec`.

    The output is `logits`; that of a lowered network that answers for each frame has a second one, `frames`.
    """
    name = spec.input_name
    axes = {0: "batch", 2: "samples"} if spec.media == "audio" else {0: "batch"}
    outputs = {"logits": {0: "batch"}}
    if isinstance(network, WithFrames):
        outputs["frames"] = {0: "batch", 2: "frames"}
    with warnings.catch_warnings():
        # Known and harmless: the exporter is the older of two, the shape checks of our blocks have one outcome for
        # every legal input, and slices of the shape are computed at run time. The parity check is what counts.
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean")
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, *spec.shape),),
            path,
            dynamo=False,
            input_names=[name],
            output_names=list(outputs),
            dynamic_axes={name: axes, **outputs},
            opset_version=_OPSET,
        )


def _check(network: nn.Module, onnx_file: Path, spec: InputSpec) -> None:
    """Raises what `export_onnx` says unless the file answers like the network, for noise of several shapes."""
    answers: dict[str, Callable[[Tensor], Tensor]] = {"logits": network}
    if isinstance(network, AnswersFrames):
        answers["frames"] = network.frames
    random = np.random.default_rng(0)
    shapes = [(1, *spec.shape), (3, *spec.shape)]
    if isinstance(spec, AudioSpec):
        shapes.append((3, 1, spec.window + spec.window // 3 + 1))
    inputs = [random.standard_normal(shape).astype(np.float32) for shape in shapes]
    for output, answer in answers.items():
        backend = OnnxBackend(onnx_file, spec.input_name, output=output)
        for values in inputs:
            with torch.inference_mode():
                expected = answer(torch.from_numpy(values)).numpy()
            largest = float(np.abs(expected).max())
            if not np.isfinite(largest):
                raise CheckpointError(
                    f"the network's {output} must be finite numbers, for noise it answers {largest}; its weights are "
                    "damaged or its training went astray: train it again, with a lower learning rate"
                )
            difference, allowed = float(np.abs(expected - backend(values)).max()), TOLERANCE * max(1.0, largest)
            if not difference <= allowed:  # NaN is not either
                raise CheckpointError(
                    f"ONNX and torch {output} differ by {difference:.2e}, expected at most {allowed:.2e} where the "
                    f"largest is {largest:.3g}: the file would give other answers than the network; one with "
                    "very large weights rounds like that, train it again with a lower learning rate"
                )
