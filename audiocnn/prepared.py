"""What lies between a file and a network, whatever the medium: `Prepared` gives `Window`s."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocnn.prediction import MediaInfo
from audiocnn.waveform import Segment


@dataclass(frozen=True, slots=True)
class Window:
    """One model input.

    values: float32 of the `shape` of the model's input specification, normalised as that says.
    segment: the span of real sound or video it covers; None where there is no time, in images and volumes.
    silent: whether that span was too quiet to have a label.
    level_db: RMS level of that span before it was normalised, relative to full scale; 0 for what is no sound.
    """

    values: NDArray[np.float32]
    segment: Segment | None
    silent: bool = False
    level_db: float = 0.0


class Prepared(Protocol):
    """A file opened for one model. Can be read once; `info` and `warnings` are complete after the last window."""

    @property
    def info(self) -> MediaInfo:
        """The file as it came."""
        ...

    @property
    def warnings(self) -> list[str]:
        """What a caller should know about the file."""
        ...

    def windows(self) -> Iterator[Window]:
        """At least one model input, one at a time, in bounded memory."""
        ...
