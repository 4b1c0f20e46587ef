"""Where a picture or a volume lands in what the model sees, and how its brightness is normalised.

`brightness` and `normalise_brightness` work on NumPy arrays and on torch tensors alike, so that training on a GPU and
inference without torch share one definition.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import Fit

Array = TypeVar("Array")


@dataclass(frozen=True, slots=True)
class Placement:
    """One axis: the source from `start` to `stop`, which may lie inside a pixel, becomes `size` pixels from `offset`
    on."""

    start: float
    stop: float
    size: int
    offset: int

    @property
    def target(self) -> slice:
        """The pixels it fills."""
        return slice(self.offset, self.offset + self.size)


def place(shape: Sequence[int], target: Sequence[int], fit: Fit, spacing: Sequence[float]) -> tuple[Placement, ...]:
    """How each axis of `shape` is laid onto `target`.

    spacing: the distance between neighbours along each axis, in any unit; `crop` and `pad` keep the proportions that
    it gives. Square pixels have 1 along both.
    """
    scales = [wanted / (size * step) for size, step, wanted in zip(shape, spacing, target, strict=True)]
    axes = []
    for size, step, wanted in zip(shape, spacing, target, strict=True):
        start, stop, inner = 0.0, float(size), wanted
        if fit == "crop":
            kept = min(wanted / max(scales) / step, size)
            start, stop = (size - kept) / 2, (size + kept) / 2
        elif fit == "pad":
            inner = min(max(round(size * step * min(scales)), 1), wanted)
        axes.append(Placement(start, stop, inner, (wanted - inner) // 2))
    return tuple(axes)


def resampling_matrix(placement: Placement, length: int) -> NDArray[np.float32]:
    """Weights `(placement.size, length)` that carry an axis of `length` values to its place.

    A triangle, two source values wide when it enlarges (linear interpolation) and two target values wide when it
    reduces, so that fine patterns average out and leave no alias. Each row sums to 1. It is what Pillow does in
    `picture.fit_picture`, so pictures and volumes are treated alike.
    """
    scale = (placement.stop - placement.start) / placement.size
    centres = placement.start + (np.arange(placement.size) + 0.5) * scale
    distances = np.abs(np.arange(length) + 0.5 - centres[:, np.newaxis]) / max(scale, 1)
    weights = np.maximum(1 - distances, 0)
    matrix: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return matrix


def brightness(pixels: Any) -> Any:
    """Pixels from 0 to 255 as float32 from 0 to 1: a NumPy array or a torch tensor."""
    return pixels / np.float32(255)


def normalise_brightness(values: Array, mean: float, deviation: float) -> Array:
    """Values from 0 to 1 as `(values - mean) / deviation`."""
    x: Any = values
    return (x - mean) / deviation  # type: ignore[no-any-return]
