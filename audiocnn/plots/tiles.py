"""Many small pictures in one, and which of many to show."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray


def spread(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` indices below `count`, evenly spread, with the first and the last."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.intp)


def montage(tiles: NDArray[np.floating], columns: int) -> tuple[NDArray[np.floating], NDArray[np.intp]]:
    """Tiles `(count, height, width, channels)` between 0 and 1 as one picture, and the corner `(row, column)` of each.

    One pair of axes for each tile would take matplotlib seconds.
    """
    count, height, width, channels = tiles.shape
    gap = max(1, round(0.12 * max(height, width)))
    corners = np.array([divmod(place, columns) for place in range(count)]) * (height + gap, width + gap)
    bottom, right = corners.max(axis=0)
    whole = np.ones((bottom + height, right + width, channels))
    for tile, (row, column) in zip(tiles, corners, strict=True):
        whole[row : row + height, column : column + width] = tile
    return whole, corners


def picture(axes: Axes, values: NDArray[np.floating]) -> None:
    """A picture `(height, width, channels)` between 0 and 1: three channels in colour, others as their mean in grey."""
    if values.shape[-1] == 3:
        axes.imshow(values, interpolation="nearest")
    else:
        axes.imshow(values.mean(axis=-1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
