"""What training does differently for sound, images, video and volumes: `Medium`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.prepared import Window
from training.config import OptimConfig
from training.data.cache import Cache, Decoder
from training.data.manifest import Clip


class Medium(Decoder, ABC):
    """How clips of one medium are decoded, cut, changed and brought into the form a network takes."""

    @abstractmethod
    def crops(self, cache: Cache, clips: Sequence[Clip], at: NDArray[np.float64], stretch: float) -> Tensor:
        """One window of each clip, `(batch, ...)`.

        at: where in its clip each window starts, from 0 to 1. stretch: how many times faster than recorded they run,
        one number for all, so that they stay one array.
        """

    @abstractmethod
    def augment(self, windows: Tensor, random: Generator) -> Tensor:
        """The windows that `crops` gave, on any device, each changed in its own random way."""

    @abstractmethod
    def mix(self, windows: Tensor, targets: Tensor, config: OptimConfig, random: Generator) -> tuple[Tensor, Tensor]:
        """Augmented windows and their targets `(batch, labels)`, mixed as `config` says, or as they are."""

    @abstractmethod
    def model_input(self, windows: Tensor) -> Tensor:
        """What the network takes, `(batch, channels, *axes)`, normalised as inference does."""

    @abstractmethod
    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        """The windows of a whole clip, as the `Classifier` sees them."""
