"""Rotation-equivariant convolution over images: filters shared by all quarter turns, and by mirror images.

Cohen, Welling: "Group equivariant convolutional networks", ICML 2016 (arXiv 1602.07576), sections 4.2, 4.3 and 7.

A group element g mirrors an image left to right or not, then turns it by a number of quarter turns: `turned(image, g)`.
p4 has the four turns, p4m those and their mirror images, eight in all. `LiftingConv` answers an image with one plane
for each element; `GroupConv` takes such planes to planes of the same kind. Turning the input by g turns each plane of
the output by g and moves plane h to where g h is: exactly, not approximately, while the layers in between keep
positions on the grid. To stay exact, pools must divide even lengths by 2. The maximum over the planes does not change
with g but for its turn, and neither does its maximum or mean over all positions at all.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from audiocnn.errors import ConfigError
from audiocnn.nn.ndim import check_fits, check_input, whole_number
from audiocnn.nn.shapes import Span

GroupName = Literal["p4", "p4m"]
Element = tuple[bool, int]
"""Mirrored or not, and the number of quarter turns, counter-clockwise."""


def elements(group: GroupName) -> list[Element]:
    """The elements in the order of the planes; the first is the one that changes nothing.

    Raises `ConfigError` for another group.
    """
    if group not in ("p4", "p4m"):
        raise ConfigError(f"group must be 'p4' (quarter turns) or 'p4m' (and mirror images), got {group!r}")
    return [(mirror, turns) for mirror in ((False,) if group == "p4" else (False, True)) for turns in range(4)]


def product(first: Element, second: Element) -> Element:
    """The element that does what `second` does and then what `first` does."""
    turns = -second[1] if first[0] else second[1]
    return first[0] != second[0], (first[1] + turns) % 4


def inverse(element: Element) -> Element:
    """The element that undoes `element`; a mirror image undoes itself, whatever its turn."""
    mirror, turns = element
    return mirror, turns if mirror else -turns % 4


def turned(x: Tensor, element: Element) -> Tensor:
    """`x` with its last two axes mirrored left to right if the element says so, then turned counter-clockwise."""
    mirror, turns = element
    if mirror:
        x = x.flip(-1)
    # Not torch.rot90, which ONNX does not know.
    if turns == 2:
        return x.flip(-1, -2)
    if turns:
        return x.transpose(-1, -2).flip(-2 if turns == 1 else -1)
    return x


class _PlanesConv(nn.Module):
    """One bank of filters, used in all positions of the group. `weight` is `(out, in, planes in, kernel, kernel)`."""

    def __init__(
        self, group: GroupName, in_channels: int, in_planes: int, out_channels: int, kernel_size: int, padding: int
    ) -> None:
        super().__init__()
        self._elements = elements(group)
        self._in_channels = whole_number(in_channels, "in_channels")
        self.kernel_size = whole_number(kernel_size, "kernel_size")
        self.padding = whole_number(padding, "padding", minimum=0)
        whole_number(out_channels, "out_channels")
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, in_planes, kernel_size, kernel_size))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def _convolved(self, x: Tensor, filters: list[Tensor]) -> Tensor:
        """Planes `(batch, out_channels, planes, height, width)`, one for each of the filter banks."""
        check_fits(x, [Span(self.kernel_size)] * 2, [self.padding] * 2)
        bank = torch.stack(filters, dim=1).flatten(0, 1)
        out = F.conv2d(x, bank, self.bias.repeat_interleave(len(filters)), padding=self.padding)
        return out.reshape(x.shape[0], -1, len(filters), *out.shape[2:])


class LiftingConv(_PlanesConv):
    """Images `(batch, in_channels, height, width)` to planes `(batch, out_channels, planes, height, width)`.

    group: "p4", four planes, or "p4m", eight. padding: zeros on all four sides. The stride is 1.
    Raises `ConfigError` for an unknown group, illegal sizes, and in `forward` for input of another shape.
    """

    def __init__(
        self, group: GroupName, in_channels: int, out_channels: int, kernel_size: int, *, padding: int = 0
    ) -> None:
        super().__init__(group, in_channels, 1, out_channels, kernel_size, padding)

    def forward(self, x: Tensor) -> Tensor:
        check_input(x, 2, self._in_channels, "LiftingConv")
        return self._convolved(x, [turned(self.weight[:, :, 0], g) for g in self._elements])


class GroupConv(_PlanesConv):
    """Planes `(batch, in_channels, planes, height, width)` to planes; the arguments are those of `LiftingConv`."""

    def __init__(
        self, group: GroupName, in_channels: int, out_channels: int, kernel_size: int, *, padding: int = 0
    ) -> None:
        planes = elements(group)
        super().__init__(group, in_channels, len(planes), out_channels, kernel_size, padding)
        # Turning a filter by g moves its plane h to g h, so plane h comes from plane g^-1 h.
        self._sources = [[planes.index(product(inverse(g), h)) for h in planes] for g in planes]

    def forward(self, x: Tensor) -> Tensor:
        planes = len(self._elements)
        if x.ndim != 5 or x.shape[1:3] != (self._in_channels, planes) or 0 in tuple(x.shape[3:]):
            raise ConfigError(
                f"GroupConv expects input of shape (batch, {self._in_channels}, {planes}, height, width), got "
                f"{tuple(x.shape)}; start with a LiftingConv of the same group"
            )
        filters = [
            turned(self.weight[:, :, sources], g).flatten(1, 2)
            for g, sources in zip(self._elements, self._sources, strict=True)
        ]
        return self._convolved(x.flatten(1, 2), filters)
