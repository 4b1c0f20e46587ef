"""Maps of windows as maps over a whole file, or over a whole picture: every value where its position looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Placed:
    """A map `(rows, positions, *space)` of one window, and where its positions are: `first`, the sample of the window
    that the first looks at, and `step` samples from one to the next."""

    values: Maps
    first: float
    step: float

    def shortened(self, most: int, *, rms: bool = False) -> "Placed":
        """The map with at most `most` positions, each the mean of those it stands for.

        rms: the root mean square instead, for first layers, whose thousands of positions a second have mean 0.
        """
        count = self.values.shape[1]
        if count <= most:
            return self
        edges = np.linspace(0, count, most + 1).round().astype(int)
        powers = self.values.astype(np.float64) ** (2 if rms else 1)
        means = _over_columns(np.add.reduceat(powers, edges[:-1], axis=1), 1 / np.diff(edges))
        each = count / most
        return Placed(np.sqrt(means) if rms else means, self.first + (each - 1) / 2 * self.step, each * self.step)


def join(maps: Sequence[Placed], starts: Sequence[int], window: int, length: int, columns: int) -> NDArray[np.float64]:
    """One map `(rows, columns, *space)` over `length` samples from the maps of windows.

    starts, window: the first sample of each window, and how many it has. Between two positions of a map values are
    interpolated. Where windows overlap, each counts by how far the column lies from its end, because a network sees
    less at the ends. Columns that no window covers are NaN.
    """
    centres = (np.arange(columns) + 0.5) * length / columns
    shape = (maps[0].values.shape[0], columns, *maps[0].values.shape[2:])
    total, weight = np.zeros(shape), np.zeros(columns)
    for map, start in zip(maps, starts, strict=True):
        inside = np.flatnonzero((centres >= start) & (centres < start + window))
        within = centres[inside] - start
        near_the_middle = 0.5 - np.abs(within / window - 0.5) + 1e-3
        # A sample is half a sample after its start.
        places = (within - 0.5 - map.first) / map.step
        total[:, inside] += _over_columns(_at(map.values, places), near_the_middle)
        weight[inside] += near_the_middle
    with np.errstate(invalid="ignore"):
        joined: NDArray[np.float64] = total / weight.reshape(-1, *(1,) * (len(shape) - 2))
    return joined


def evenly(map: Maps, axis: int, first: float, step: float, length: int) -> Maps:
    """`map` with as many values along `axis` as steps fit into the input's `length`, evenly spread over it.

    first, step: where its positions are. Without padding they do not reach the ends; there the last ones are repeated.
    """
    columns = max(1, round(length / step))
    centres = (np.arange(columns) + 0.5) * length / columns
    return np.moveaxis(_at(np.moveaxis(map, axis, 1), (centres - 0.5 - first) / step), 1, axis)


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
