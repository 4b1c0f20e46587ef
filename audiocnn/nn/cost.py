"""What a network costs and how far it sees, layer by layer, computed from shapes alone.

A copy of the network runs on torch's meta device, where tensors have shapes and no numbers, so that even the largest
network takes no memory and hardly any time.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from audiocnn.nn.group_conv import GroupConv, LiftingConv
from audiocnn.nn.layer import LayerCost
from audiocnn.nn.ndim import per_axis
from audiocnn.nn.shapes import Span, receptive_field

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, LiftingConv, GroupConv)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_RESIZING = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d, *_TRANSPOSED)
_SLIDING = {
    1: (nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d),
    2: (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, LiftingConv, GroupConv),
    3: (nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d),
}
"""Layers that slide a filter or a window, by the number of axes they slide over, which are a tensor's last."""


@dataclass(frozen=True, slots=True)
class _Path:
    """Where an axis of a tensor comes from: which axis of the input, through which filters; and `first`, the position
    there that lies in the middle of what the tensor's first position sees, zeros before the input included."""

    axis: int
    spans: tuple[Span, ...] = ()
    first: float = 0.0

    def reach(self) -> tuple[int, int]:
        return receptive_field(self.spans)

    def padded(self, zeros: int) -> "_Path":
        return replace(self, first=self.first - zeros * self.reach()[1])

    def filtered(self, span: Span) -> "_Path":
        middle = self.first + (span.extent - 1) / 2 * self.reach()[1]
        return _Path(self.axis, (*self.spans, span), middle)


_AxisPaths = tuple[_Path | None, ...]
"""One for each axis of a tensor, the batch first; None for those that are no axis of the input's, as channels."""


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
        followed = paths.of_input_axes(output)
        own = 0 if layer in counted else sum(p.numel() for p in layer.parameters(recurse=False))
        counted.add(layer)
        rows.append(
            LayerCost(
                name=names[layer],
                kind=type(layer).__name__.lstrip("_"),
                output_shape=tuple(output.shape[1:]),
                parameters=own,
                multiply_adds=_multiply_adds(layer, inputs[0], output),
                receptive_field=None if followed is None else tuple(path.reach() for _, path in followed),
                first=None if followed is None else tuple(path.first for _, path in followed),
                axes=None if followed is None else tuple(axis for axis, _ in followed),
                sizes=_sizes(layer),
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


def _sizes(layer: nn.Module) -> str:
    """What a layer slides and how: `k3x3 s2`; a stride, dilation or number of groups of 1 is not told."""
    kernel = getattr(layer, "kernel_size", None)
    if kernel is None:
        return ""
    parts = [f"k{_number(kernel)}"]
    for letter, name in (("s", "stride"), ("d", "dilation"), ("g", "groups")):
        size = getattr(layer, name, 1)
        if set(size if isinstance(size, tuple) else (size,)) != {1}:
            parts.append(f"{letter}{_number(size)}")
    return " ".join(parts)


def _number(size: int | tuple[int, ...]) -> str:
    sizes = size if isinstance(size, tuple) else (size,)
    return str(sizes[0]) if len(set(sizes)) == 1 else "x".join(map(str, sizes))


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
    if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
        # Each output is one filter, or one row of the matrix, times the input.
        return output.numel() * layer.weight[0].numel()
    if isinstance(layer, _TRANSPOSED):
        return x.numel() * layer.weight[0].numel()
    return 0


class _Paths(TorchFunctionMode):
    """Keeps for each tensor where its axes come from; what torch computes between layers passes it on."""

    def __init__(self) -> None:
        super().__init__()
        # The tensors are kept too: an id would soon be another one's.
        self._known: dict[int, tuple[Tensor, _AxisPaths]] = {}
        self._ndim = 0

    def start(self, x: Tensor) -> None:
        self._ndim = x.ndim - 2
        self._keep(x, (None, None, *(_Path(axis) for axis in range(self._ndim))))

    def of_input_axes(self, x: Tensor) -> list[tuple[int, _Path]] | None:
        """For each axis of the input, which axis of `x` without the batch it has become, and how."""
        paths = self._of(x)
        found = sorted(
            ((axis - 1, path) for axis, path in enumerate(paths or ()) if path is not None),
            key=lambda entry: entry[1].axis,
        )
        return found if len(found) == self._ndim else None

    def follow(self, layer: nn.Module, x: Tensor, output: Tensor) -> None:
        """What `layer` did to the axes of `x` on the way to `output`."""
        paths = self._of(x)
        if isinstance(layer, _RESIZING):
            self._known.pop(id(output), None)
        elif paths is not None and (slides := _slides(layer)):
            sizes = zip(*(_last(getattr(layer, name, 1), slides) for name in _SIZES), strict=True)
            zeros = _last(getattr(layer, "padding", 0), slides)
            extended = (
                path and path.padded(before).filtered(Span(*size))
                for path, size, before in zip(paths[-slides:], sizes, zeros, strict=True)
            )
            self._keep(output, ((None,) * (output.ndim - slides)) + tuple(extended))

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if isinstance(output, Tensor):
            tensors = list(_tensors((*args, *(kwargs or {}).values())))
            if func in _MOVES:
                if (moving := self._of(tensors[0])) is not None:
                    self._keep(output, _MOVES[func](moving, *args[1:]))
            elif same := [paths for x in tensors if x.ndim == output.ndim and (paths := self._of(x)) is not None]:
                self._keep(output, tuple(map(_widest, zip(*same, strict=True))))
        return output

    def _of(self, x: Tensor) -> _AxisPaths | None:
        known = self._known.get(id(x))
        return known[1] if known else None

    def _keep(self, x: Tensor, paths: _AxisPaths) -> None:
        self._known[id(x)] = (x, paths)


def _widest(meeting: tuple[_Path | None, ...]) -> _Path | None:
    """Where branches meet, the one that sees furthest counts."""
    return max(filter(None, meeting), key=_Path.reach, default=None)


def _unsqueezed(paths: _AxisPaths, axis: int) -> _AxisPaths:
    at = axis % (len(paths) + 1)
    return (*paths[:at], None, *paths[at:])


def _padded(paths: _AxisPaths, sides: Sequence[Any]) -> _AxisPaths:
    # From the last axis on: zeros before it, zeros behind it, then the axis before. They may be tensors of one number.
    before = [int(zeros) for zeros in sides[::2]][::-1]
    missing = [0] * (len(paths) - len(before))
    return tuple(path and path.padded(zeros) for path, zeros in zip(paths, missing + before, strict=True))


def _transposed(paths: _AxisPaths, first: int, second: int) -> _AxisPaths:
    moved = list(paths)
    moved[first], moved[second] = paths[second], paths[first]
    return tuple(moved)


_MOVES: dict[Any, Callable[..., _AxisPaths]] = {
    Tensor.unsqueeze: _unsqueezed,
    Tensor.transpose: _transposed,
    F.pad: _padded,
}
"""What networks do between layers that moves positions: padding, and turning a waveform into a picture."""

_SIZES = ("kernel_size", "stride", "dilation")


def _slides(layer: nn.Module) -> int:
    """How many axes `layer` slides over: none if it looks at one position at a time, or at all."""
    return next((count for count, kinds in _SLIDING.items() if isinstance(layer, kinds)), 0)


def _last(size: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    return size[-count:] if isinstance(size, tuple) else (size,) * count


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
