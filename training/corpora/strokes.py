"""Digits drawn with strokes of our own, in three hands, as line segments that can be placed anywhere on a torus."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""A polyline, shape (points, 2): x from 0 to 1 rightwards, y from 0 to 2 downwards."""


def _line(*points: tuple[float, float]) -> Points:
    return np.array(points)


def _arc(x: float, y: float, width: float, height: float, start: float, stop: float) -> Points:
    """Part of an ellipse around (x, y) with these half axes; angles in degrees, clockwise from the right."""
    angle = np.radians(np.linspace(start, stop, max(4, round(abs(stop - start) / 30) + 1)))
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1)


def _turned(strokes: list[Points]) -> list[Points]:
    return [np.array([1.0, 2.0]) - stroke for stroke in strokes]


def _round_hand() -> list[list[Points]]:
    six = [np.concatenate([_arc(1.0, 1.4, 1.0, 1.4, 258, 180), _arc(0.5, 1.4, 0.5, 0.6, 180, -180)])]
    return [
        [_arc(0.5, 1.0, 0.5, 1.0, 0, 360)],
        [_line((0.15, 0.4), (0.55, 0.0), (0.55, 2.0))],
        [np.concatenate([_arc(0.5, 0.5, 0.5, 0.5, 180, 390), _line((0.0, 2.0), (1.0, 2.0))])],
        [np.concatenate([_arc(0.5, 0.5, 0.45, 0.5, 200, 450), _arc(0.5, 1.5, 0.5, 0.5, 270, 520)])],
        [_line((0.75, 2.0), (0.75, 0.0), (0.0, 1.4), (1.0, 1.4))],
        [np.concatenate([_line((0.9, 0.0), (0.15, 0.0), (0.1, 0.95)), _arc(0.5, 1.38, 0.5, 0.62, 225, 510)])],
        six,
        [_line((0.0, 0.0), (1.0, 0.0), (0.35, 2.0))],
        [_arc(0.5, 0.48, 0.42, 0.48, 90, 450), _arc(0.5, 1.48, 0.5, 0.52, -90, 270)],
        _turned(six),
    ]


def _angular_hand() -> list[list[Points]]:
    six = [_line((0.8, 0.0), (0.1, 1.0), (0.1, 1.7), (0.4, 2.0), (0.9, 1.8), (0.9, 1.2), (0.2, 1.1))]
    return [
        [_line((0.3, 0), (0.7, 0), (1, 0.5), (1, 1.5), (0.7, 2), (0.3, 2), (0, 1.5), (0, 0.5), (0.3, 0))],
        [_line((0.2, 0.3), (0.5, 0.0), (0.5, 2.0)), _line((0.1, 2.0), (0.9, 2.0))],
        [_line((0.0, 0.4), (0.4, 0.0), (0.9, 0.2), (0.9, 0.7), (0.0, 2.0), (1.0, 2.0))],
        [_line((0.0, 0.0), (1.0, 0.0), (0.4, 0.8), (1.0, 1.2), (0.8, 1.9), (0.0, 1.9))],
        [_line((0.0, 0.0), (0.0, 1.0), (1.0, 1.0)), _line((0.8, 0.3), (0.8, 2.0))],
        [_line((1.0, 0.0), (0.0, 0.0), (0.0, 0.9), (0.8, 0.9), (1.0, 1.4), (0.7, 2.0), (0.0, 2.0))],
        six,
        [_line((0.0, 0.0), (1.0, 0.0), (0.4, 2.0)), _line((0.2, 1.0), (0.9, 1.0))],
        [_line((0.9, 0.5), (0.1, 1.5), (0.5, 2.0), (0.9, 1.5), (0.1, 0.5), (0.5, 0.0), (0.9, 0.5))],
        _turned(six),
    ]


def _segment_hand() -> list[list[Points]]:
    """Seven segments, as on a calculator."""
    segments = {
        "a": _line((0, 0), (1, 0)),
        "b": _line((1, 0), (1, 1)),
        "c": _line((1, 1), (1, 2)),
        "d": _line((0, 2), (1, 2)),
        "e": _line((0, 1), (0, 2)),
        "f": _line((0, 0), (0, 1)),
        "g": _line((0, 1), (1, 1)),
    }
    lit = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
    return [[segments[name] for name in names] for names in lit]


_HANDS: Mapping[str, Callable[[], list[list[Points]]]] = {
    "round": _round_hand,
    "angular": _angular_hand,
    "segments": _segment_hand,
}

HANDS = {name: hand() for name, hand in _HANDS.items()}
"""The strokes of the digits 0 to 9 in each hand."""


def segments_of(strokes: list[Points], transform: Points) -> NDArray[np.float64]:
    """The line segments of a digit about its middle, through a 2 x 2 `transform`; shape `(segments, 2 ends, 2)`."""
    pairs = [np.stack([stroke[:-1], stroke[1:]], axis=1) for stroke in strokes]
    segments: NDArray[np.float64] = (np.concatenate(pairs) - np.array([0.5, 1.0])) @ transform.T
    return segments


def coverage(segments: NDArray[np.float64], position: Points, thickness: float, size: int) -> NDArray[np.float64]:
    """How much of each pixel the strokes cover, 0 to 1, shape `(size, size)`, with the digit at `position` (x, y).

    What leaves the picture on one side comes back on the other. thickness: of the strokes, in pixels. Edges are smooth
    over one pixel, so a digit moves by fractions of a pixel.
    """
    reach = int(np.abs(segments).max() + thickness) + 2
    if 2 * reach + 1 > size:
        raise ValueError(f"a digit that reaches {reach} pixels from its middle does not fit a picture of {size}")
    corner = np.floor(position).astype(int) - reach
    axis = np.arange(2 * reach + 1)
    y, x = np.meshgrid(axis + corner[1] - position[1], axis + corner[0] - position[0], indexing="ij")
    pixels = np.stack([x, y], axis=-1)[:, :, None]
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    share = np.clip(((pixels - start) * along).sum(axis=-1) / length, 0, 1)
    distance = np.sqrt(((pixels - start - share[..., None] * along) ** 2).sum(axis=-1).min(axis=-1))
    picture = np.zeros((size, size))
    picture[np.ix_((axis + corner[1]) % size, (axis + corner[0]) % size)] = np.clip(
        thickness / 2 + 0.5 - distance, 0, 1
    )
    return picture
