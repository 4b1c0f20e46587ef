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
from training.data.decoder import Decoder
from training.data.manifest import Clip
from training.data.store import Store


class Medium(Decoder, ABC):
    """How clips of one medium are decoded, cut, changed and brought into the form a network takes."""

    def nearest_speed(self, speed: float) -> float:
        """The speed nearest to `speed`, in times that of the recording, at which windows can be cut."""
        return speed

    @abstractmethod
    def crops(self, store: Store, clips: Sequence[Clip], at: NDArray[np.float64], speed: float) -> Tensor:
        """One window of each clip, `(batch, ...)`, as it was decoded and where `store` has it.

        at: where in its clip each window starts, from 0 to 1. speed: how many times faster than recorded they run,
        one number for all, so that they stay one array.
        """

    @abstractmethod
    def augment(self, windows: Tensor, random: Generator) -> Tensor:
        """The windows that `crops` gave as the network's values, on any device, each changed in its own random way."""

    @abstractmethod
    def mix(self, windows: Tensor, targets: Tensor, config: OptimConfig, random: Generator) -> tuple[Tensor, Tensor]:
        """Augmented windows and their targets `(batch, labels)`, mixed as `config` says, or as they are."""

    @abstractmethod
    def model_input(self, windows: Tensor) -> Tensor:
        """What the network takes, `(batch, channels, *axes)`, normalised as inference does."""

    @abstractmethod
    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        """The windows of a whole clip, as the `Classifier` sees them."""
