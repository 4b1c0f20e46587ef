"""Maps of overlapping windows as one map over a whole file."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.floating]


def join(maps: Sequence[Maps], starts: Sequence[int], window: int, length: int, columns: int) -> NDArray[np.float64]:
    """One map `(rows, columns, *space)` over `length` samples from maps `(rows, positions, *space)` of windows.

    starts, window: the first sample of each window, and how many it has. The positions of a map are spread evenly over
    its window; between two of them values are interpolated. Where windows overlap, each counts by how far the column
    lies from its end, because a network sees less at the ends. Columns that no window covers are NaN.
    """
    centres = (np.arange(columns) + 0.5) * length / columns
    shape = (maps[0].shape[0], columns, *maps[0].shape[2:]) if maps else (0, columns)
    total, weight = np.zeros(shape), np.zeros(columns)
    for map, start in zip(maps, starts, strict=True):
        inside = np.flatnonzero((centres >= start) & (centres < start + window))
        within = (centres[inside] - start) / window
        near_the_middle = 0.5 - np.abs(within - 0.5) + 1e-3
        total[:, inside] += _over_columns(_at(map, within * map.shape[1] - 0.5), near_the_middle)
        weight[inside] += near_the_middle
    with np.errstate(invalid="ignore"):
        joined: NDArray[np.float64] = total / weight.reshape(-1, *(1,) * (len(shape) - 2))
    return joined


def _at(map: Maps, places: NDArray[np.float64]) -> Maps:
    """Values of `map` at fractions of positions; beyond the ends they stay what they are there."""
    places = places.clip(0, map.shape[1] - 1)
    below = np.floor(places).astype(int)
    above = np.minimum(below + 1, map.shape[1] - 1)
    share = places - below
    between: Maps = _over_columns(map[:, below], 1 - share) + _over_columns(map[:, above], share)
    return between


def _over_columns(map: Maps, factors: NDArray[np.float64]) -> Maps:
    scaled: Maps = map * factors.reshape(-1, *(1,) * (map.ndim - 2))
    return scaled


def shortened(map: Maps, most: int, *, rms: bool = False) -> Maps:
    """`map` `(rows, positions, *space)` with at most `most` positions, each the mean of those it stands for.

    rms: the root mean square instead, for first layers, whose thousands of positions a second have mean 0.
    """
    if map.shape[1] <= most:
        return map
    edges = np.linspace(0, map.shape[1], most + 1).round().astype(int)
    sums = np.add.reduceat(map.astype(np.float64) ** (2 if rms else 1), edges[:-1], axis=1)
    means: Maps = _over_columns(sums, 1 / np.diff(edges))
    return np.sqrt(means) if rms else means
