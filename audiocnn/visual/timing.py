"""Frames at a steady rate from frames shown at any times."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TypeVar

Frame = TypeVar("Frame")


def at_rate(frames: Iterable[tuple[Fraction, Fraction, Frame]], frame_rate: int) -> Iterator[Frame]:
    """What is to be seen at 0, 1 / frame_rate, 2 / frame_rate, ... seconds: each time the frame shown nearest to it.

    frames: when each is first shown, until when, both in seconds from the first, and the frame; times must increase.
    The last frame stays until its end, rounded to whole frames. At least one frame comes out of one that goes in.
    """
    count = 0
    previous: tuple[Fraction, Fraction, Frame] | None = None
    for current in frames:
        if previous is not None:
            middle = (previous[0] + current[0]) / 2
            while count <= middle * frame_rate:
                yield previous[2]
                count += 1
        previous = current
    if previous is not None:
        for _ in range(count, max(round(previous[1] * frame_rate), 1)):
            yield previous[2]
