"""A trained network as it is exported: norms folded into the layers before them, 1D layers as 2D ones of height 1.

onnxruntime has far better kernels for 2D convolutions: `Conv2d (1, k)` instead of `Conv1d k` gives the same numbers in
less time (benchmarks/inference.py tells how much).
"""

import copy
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from audiocnn.nn.blocks import AdaptivePool, ConvNormAct, GlobalPool, InputCheck, LinearNormAct
from audiocnn.nn.transposed import ConvTransposeNormAct

_Pair = tuple[int, int]


@runtime_checkable
class AnswersFrames(Protocol):
    """A network that answers for each frame of the sound too."""

    pool: nn.Module

    def frames(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, outputs, frames)`; `pool` makes those of the whole input of them."""
        ...


class _OverHeightOne(nn.Module):
    """Gives a lowered network the 1D interface: `(batch, channels, samples)`, in and, where it has them, out."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveform: Tensor) -> Tensor:
        out: Tensor = self.network(waveform.unsqueeze(2))
        return out.squeeze(2) if out.ndim == 4 else out


class WithFrames(_OverHeightOne):
    """The same for a lowered network that `AnswersFrames`: both answers, that for the whole input first."""

    network: AnswersFrames  # type: ignore[assignment]

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        frames = self.network.frames(waveform.unsqueeze(2))
        return self.network.pool(frames), frames.squeeze(2)


class _MeanOverGrid(nn.Module):
    """What an `AdaptivePool` computes, over the last axes, for input of any size; ONNX has no such layer."""

    def __init__(self, positions: tuple[int, ...]) -> None:
        super().__init__()
        self.positions = positions

    def forward(self, x: Tensor) -> Tensor:
        for axis, count in enumerate(self.positions, start=x.ndim - len(self.positions)):
            length = x.shape[axis]
            # Tensors and not numbers, so that an exported graph computes them too.
            cell, position = torch.arange(count), torch.arange(length)[:, None]
            first, end = cell * length // count, ((cell + 1) * length + count - 1) // count
            inside = ((position >= first) & (position < end)).to(x.dtype)
            x = (x.transpose(axis, x.ndim - 1) @ (inside / inside.sum(0))).transpose(axis, x.ndim - 1)
        return x


def lower(network: nn.Module) -> nn.Module:
    """A copy of a trained network for inference: norms folded into the layer before them, 1D layers in 2D.

    A network without 1D layers keeps its axes, whether it takes waveforms or images.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        if isinstance(module, (ConvNormAct, ConvTransposeNormAct)) and not isinstance(module.norm, nn.Identity):
            module.conv = fuse_conv_bn_eval(
                module.conv, module.norm, transpose=isinstance(module, ConvTransposeNormAct)
            )
            module.norm = nn.Identity()
        elif isinstance(module, LinearNormAct) and not isinstance(module.norm, nn.Identity):
            module.linear = fuse_linear_bn_eval(module.linear, module.norm)
            module.norm = nn.Identity()
        for name, child in module.named_children():
            if isinstance(child, AdaptivePool):
                setattr(module, name, _MeanOverGrid(child.positions))
            elif isinstance(child, InputCheck):
                setattr(module, name, nn.Identity())
    if not any(isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)) for module in network.modules()):
        return network
    for module in list(network.modules()):
        if isinstance(module, (ConvNormAct, GlobalPool)):
            module.ndim = 2
        for name, child in module.named_children():
            setattr(module, name, _lowered_layer(child))
    return WithFrames(network) if isinstance(network, AnswersFrames) else _OverHeightOne(network)


def _lowered_layer(layer: nn.Module) -> nn.Module:
    """`layer` itself, or the 2D layer of height 1 that computes the same."""
    if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d)):
        return _lowered_convolution(layer)
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


def _lowered_convolution(layer: nn.Conv1d | nn.ConvTranspose1d) -> nn.Conv2d | nn.ConvTranspose2d:
    channels, kernel, stride = (layer.in_channels, layer.out_channels), (1, layer.kernel_size[0]), (1, layer.stride[0])
    padding, dilation, bias = (0, int(layer.padding[0])), (1, layer.dilation[0]), layer.bias is not None
    conv: nn.Conv2d | nn.ConvTranspose2d
    if isinstance(layer, nn.Conv1d):
        conv = nn.Conv2d(*channels, kernel, stride, padding, dilation, layer.groups, bias)
    else:
        added = (0, layer.output_padding[0])
        conv = nn.ConvTranspose2d(*channels, kernel, stride, padding, added, layer.groups, bias, dilation)
    conv.load_state_dict({k: v.unsqueeze(2) if k == "weight" else v for k, v in layer.state_dict().items()})
    return conv


def _height_one(pool: nn.MaxPool1d | nn.AvgPool1d) -> tuple[_Pair, _Pair, _Pair]:
    """Window, stride and padding of `pool` with a first axis of one position."""
    sizes = (pool.kernel_size, pool.stride, pool.padding)
    window, stride, padding = (size if isinstance(size, int) else size[0] for size in sizes)
    return (1, window), (1, stride), (0, padding)
