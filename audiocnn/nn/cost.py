"""What a network costs and how far it sees, layer by layer, computed from shapes alone.

A copy of the network runs on torch's meta device, where tensors have shapes and no numbers, so that even the largest
network takes no memory and hardly any time.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from audiocnn.nn.group_conv import GroupConv, LiftingConv
from audiocnn.nn.ndim import per_axis
from audiocnn.nn.shapes import Span, receptive_field

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, LiftingConv, GroupConv)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_RESIZING = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, *_TRANSPOSED)

_Spans = tuple[tuple[Span, ...], ...]
"""For each axis, the filters between the input and a tensor."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """One layer at one input.

    name: its path in the network. kind: its class. output_shape: without the batch.
    parameters: its own; 0 when a layer is used again.
    multiply_adds: for one input. Only products with weights count, as usual: no biases, norms, activations and pools.
    receptive_field: for each axis the input positions that one output sees, and how many lie between the fields of
    neighbouring outputs. Gates and norms that look at all positions are left out. None where the axes are not the
    input's any more, as after global pooling.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: tuple[tuple[int, int], ...] | None


def layer_costs(network: nn.Module, input_shape: Sequence[int]) -> list[LayerCost]:
    """The layers of `network` in the order they run for one input of `input_shape`, `(channels, *axes)`.

    The network itself is not run or changed. Raises `ConfigError` for a shape that it does not take.
    """
    shape = per_axis(tuple(input_shape), len(input_shape), "input_shape")
    network = _without_numbers(network).eval()
    paths = _Paths()
    rows: list[LayerCost] = []
    counted: set[nn.Module] = set()

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        paths.follow(layer, inputs[0], output)
        spans = paths.of(output)
        own = 0 if layer in counted else sum(p.numel() for p in layer.parameters(recurse=False))
        counted.add(layer)
        rows.append(
            LayerCost(
                name=names[layer],
                kind=type(layer).__name__,
                output_shape=tuple(output.shape[1:]),
                parameters=own,
                multiply_adds=_multiply_adds(layer, inputs[0], output),
                receptive_field=None if spans is None else tuple(receptive_field(axis) for axis in spans),
            )
        )

    names = {module: name for name, module in network.named_modules() if _is_layer(module)}
    for module in names:
        module.register_forward_hook(record)
    x = torch.zeros(1, *shape, device="meta")
    paths.start(x)
    with torch.no_grad(), paths:
        network(x)
    return rows


def _is_layer(module: nn.Module) -> bool:
    """Whether a module computes something itself instead of only calling others."""
    if isinstance(module, nn.Identity):
        return False
    return not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))


def _without_numbers(network: nn.Module) -> nn.Module:
    """A copy whose weights have shapes only; the originals are never copied."""
    memo: dict[int, Any] = {id(p): nn.Parameter(p.to("meta"), p.requires_grad) for p in network.parameters()}
    memo |= {id(b): b.to("meta") for b in network.buffers()}
    return copy.deepcopy(network, memo)


def _multiply_adds(layer: nn.Module, x: Tensor, output: Tensor) -> int:
    if isinstance(layer, (*_CONVOLUTIONS, nn.Linear)):
        # Each output is one filter, or one row of the matrix, times the input.
        return output.numel() * layer.weight[0].numel()
    if isinstance(layer, _TRANSPOSED):
        return x.numel() * layer.weight[0].numel()
    return 0


class _Paths(TorchFunctionMode):
    """Keeps for each tensor the filters it went through; what torch computes between layers passes them on."""

    def __init__(self) -> None:
        super().__init__()
        # The tensors are kept too: an id would soon be another one's.
        self._known: dict[int, tuple[Tensor, _Spans]] = {}

    def start(self, x: Tensor) -> None:
        self._known[id(x)] = (x, ((),) * (x.ndim - 2))

    def of(self, x: Tensor) -> _Spans | None:
        known = self._known.get(id(x))
        return known[1] if known else None

    def follow(self, layer: nn.Module, x: Tensor, output: Tensor) -> None:
        """The filters of `output`, which `layer` made from `x`."""
        spans = self.of(x)
        if isinstance(layer, _RESIZING):
            self._known.pop(id(output), None)
        elif isinstance(layer, (*_CONVOLUTIONS, *_POOLS)) and spans is not None:
            # The last axes: pools over group planes have one more.
            sizes = zip(*(_last(getattr(layer, name, 1), len(spans)) for name in _SIZES), strict=True)
            extended = tuple((*axis, Span(*size)) for axis, size in zip(spans, sizes, strict=True))
            self._known[id(output)] = (output, extended)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor):
            tensors = _tensors((*args, *(kwargs or {}).values()))
            sources = [self.of(x) for x in tensors if x.ndim == output.ndim]
            if paths := [spans for spans in sources if spans is not None]:
                # Where branches meet, the one that sees furthest counts.
                widest = tuple(max(axis, key=receptive_field) for axis in zip(*paths, strict=True))
                self._known[id(output)] = (output, widest)
        return output


_SIZES = ("kernel_size", "stride", "dilation")


def _last(size: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    return size[-count:] if isinstance(size, tuple) else (size,) * count


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
