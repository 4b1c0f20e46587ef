"""Which windows of a file vote: those that are neither silent nor background noise."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocnn.inference.answers import Vote
from audiocnn.inference.silence import BackgroundRule, quieter
from audiocnn.prepared import Window
from audiocnn.waveform import Segment

WAITING = 4
"""Batches of windows of a file that are kept for a question which may never come: about a minute of sound, in 8 MB."""


class Background:
    """Whether a window holds nothing but background noise, found out when that is asked for the first time.

    The detector takes as long as a small network, and its answer matters only for windows well below the loudest one
    of the file, which is not known before the end. Keeps the window until then.
    """

    def __init__(self, window: Window, rule: BackgroundRule) -> None:
        self._window: Window | None = window
        self._rule = rule
        self._answer = False

    def __bool__(self) -> bool:
        if self._window is not None:
            self._answer = bool(self._rule([self._window])[0])
            self._window = None
        return self._answer


@dataclass(frozen=True, slots=True)
class Heard:
    """A window with what decides, at the end of the file, whether it votes; a silent one has no logits."""

    segment: Segment | None
    level_db: float
    logits: NDArray[np.float64] | None
    background: Background | bool


def votes(heard: Iterable[Heard]) -> list[Vote]:
    """The logits of each window of a file, None for one that is silent or, among the others, left out as background."""
    sounding = [window for window in heard if window.logits is not None]
    levels_db = np.array([window.level_db for window in sounding])
    kept = iter(voting(levels_db, [window.background for window in sounding]))
    return [window.logits if window.logits is not None and next(kept) else None for window in heard]


def voting(levels_db: NDArray[np.float64], backgrounds: Sequence[Background | bool]) -> list[bool]:
    """Which windows of a file vote, of those that are not silent; only of the quieter ones is the background asked."""
    return [not (quiet and background) for quiet, background in zip(quieter(levels_db), backgrounds, strict=True)]


def nothing_but_background(heard: Iterable[Heard]) -> bool:
    """Whether there is sound, and all of it is background noise."""
    sounding = [window for window in heard if window.logits is not None]
    return bool(sounding) and all(window.background for window in sounding)
