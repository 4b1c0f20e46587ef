"""ONNX export: batch norms folded into convolutions, 1D layers lowered to 2D ones of height 1, parity checked.

onnxruntime has far better kernels for 2D convolutions: `Conv2d (1, k)` instead of `Conv1d k` gives the same numbers in
less time (benchmarks/inference.py tells how much).
"""

import copy
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from audiocnn.checkpoint import ONNX, load_network, write_atomically
from audiocnn.errors import CheckpointError
from audiocnn.inference.onnx_backend import OnnxBackend
from audiocnn.nn.blocks import ConvNormAct, LinearNormAct
from audiocnn.spec import AudioSpec, InputSpec

TOLERANCE = 1e-4
_OPSET = 18
_Pair = tuple[int, int]


class _OverHeightOne(nn.Module):
    """Gives a lowered network the 1D interface: `(batch, channels, samples)`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveform: Tensor) -> Tensor:
        logits: Tensor = self.network(waveform.unsqueeze(2))
        return logits


def lower(network: nn.Module) -> nn.Module:
    """A copy of a trained network for inference: norms folded into the layer before them, 1D layers in 2D.

    A network without 1D convolutions keeps its layers, whether it takes waveforms or images.
    """
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, ConvNormAct) and not isinstance(module.norm, nn.Identity):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            module.norm = nn.Identity()
        elif isinstance(module, LinearNormAct) and not isinstance(module.norm, nn.Identity):
            module.linear = fuse_linear_bn_eval(module.linear, module.norm)
            module.norm = nn.Identity()
    if not any(isinstance(module, nn.Conv1d) for module in network.modules()):
        return network
    for module in list(network.modules()):
        if isinstance(module, ConvNormAct):
            module.ndim = 2
        for name, child in module.named_children():
            setattr(module, name, _lowered_layer(child))
    return _OverHeightOne(network)


def _lowered_layer(layer: nn.Module) -> nn.Module:
    """`layer` itself, or the 2D layer of height 1 that computes the same."""
    if isinstance(layer, nn.Conv1d):
        conv = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            (1, layer.kernel_size[0]),
            stride=(1, layer.stride[0]),
            padding=(0, int(layer.padding[0])),
            dilation=(1, layer.dilation[0]),
            groups=layer.groups,
            bias=layer.bias is not None,
        )
        conv.load_state_dict({k: v.unsqueeze(2) if k == "weight" else v for k, v in layer.state_dict().items()})
        return conv
    if isinstance(layer, nn.BatchNorm1d):
        norm = nn.BatchNorm2d(layer.num_features, eps=layer.eps)
        norm.load_state_dict(layer.state_dict())
        return norm.eval()
    if isinstance(layer, nn.MaxPool1d):
        window, stride, padding = _height_one(layer)
        return nn.MaxPool2d(window, stride, padding, ceil_mode=layer.ceil_mode)
    if isinstance(layer, nn.AvgPool1d):
        window, stride, padding = _height_one(layer)
        return nn.AvgPool2d(window, stride, padding, ceil_mode=layer.ceil_mode)
    return layer


def _height_one(pool: nn.MaxPool1d | nn.AvgPool1d) -> tuple[_Pair, _Pair, _Pair]:
    """Window, stride and padding of `pool` with a first axis of one position."""
    sizes = (pool.kernel_size, pool.stride, pool.padding)
    window, stride, padding = (size if isinstance(size, int) else size[0] for size in sizes)
    return (1, window), (1, stride), (0, padding)


def export_onnx(directory: Path) -> Path:
    """Write `model.onnx` beside the weights in `directory` and check it against torch.

    The batch size stays dynamic, and of sound the length too; the check runs others than the export saw.
    Raises `CheckpointError` if any logit differs by more than `TOLERANCE`; the old file is kept then.
    """
    spec, network = load_network(directory)
    with tempfile.TemporaryDirectory() as temporary:
        candidate = Path(temporary) / ONNX
        write_onnx(lower(network), spec.input, candidate)
        difference = _largest_difference(network, candidate, spec.input)
        exported = candidate.read_bytes()
    if not difference <= TOLERANCE:
        raise CheckpointError(f"ONNX and torch logits differ by {difference:.2e}, more than {TOLERANCE:.0e}")
    write_atomically(directory / ONNX, exported)
    return directory / ONNX


def write_onnx(network: nn.Module, spec: InputSpec, path: Path) -> None:
    """Write a network as it is, in evaluation mode, for input of `spec`."""
    name = spec.input_name
    axes = {0: "batch", 2: "samples"} if spec.media == "audio" else {0: "batch"}
    with warnings.catch_warnings():
        # Known and harmless: the exporter is the older of two, the shape checks of our blocks have one outcome for
        # every legal input, and slices of the shape are computed at run time. The parity check is what counts.
        warnings.filterwarnings("ignore", "You are using the legacy TorchScript", DeprecationWarning)
        warnings.filterwarnings("ignore", "The feature will be removed", DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean", module="audiocnn")
        warnings.filterwarnings("ignore", "Constant folding", UserWarning)
        torch.onnx.export(
            network,
            (torch.zeros(2, *spec.shape),),
            path,
            dynamo=False,
            input_names=[name],
            output_names=["logits"],
            dynamic_axes={name: axes, "logits": {0: "batch"}},
            opset_version=_OPSET,
        )


def _largest_difference(network: nn.Module, onnx_file: Path, spec: InputSpec) -> float:
    backend = OnnxBackend(onnx_file, spec.input_name)
    random = np.random.default_rng(0)
    shapes = [(1, *spec.shape), (3, *spec.shape)]
    if isinstance(spec, AudioSpec):
        shapes.append((3, 1, spec.window + spec.window // 3 + 1))
    worst = 0.0
    for shape in shapes:
        values = random.standard_normal(shape).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(values)).numpy()
        worst = max(worst, float(np.abs(expected - backend(values)).max()))
    return worst
