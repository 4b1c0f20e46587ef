"""How every plot here begins and ends. The plots need matplotlib, the extra `plots`; no window is ever opened."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

DARK, GREY, PALE = "0.15", "0.6", "0.9"
_DPI = 110


def figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches."""
    made = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    made.suptitle(title, fontsize=10)
    return made


def save(made: Figure, path: Path) -> None:
    """Write `made` as PNG."""
    made.savefig(path, format="png")


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
