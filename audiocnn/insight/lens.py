"""`Lens`: a network that can be looked into, whatever runs it."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocnn.insight.layers import LayerTable
from audiocnn.insight.maps import Maps
from audiocnn.nn.layer import LayerCost
from audiocnn.spec import ModelSpec


class Lens(Protocol):
    """A trained model, or an architecture whose weights are random."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input it is looked at with, `(channels, *axes)`."""
        ...

    @property
    def spec(self) -> ModelSpec | None:
        """None for an architecture."""
        ...

    def table(self) -> LayerTable:
        """All layers, for that shape."""
        ...

    def mapped(self) -> Sequence[LayerCost]:
        """The layers whose maps it can show."""
        ...

    def activation_layer(self) -> LayerCost | None:
        """The layer that tells where a class was seen, None if this lens cannot say it exactly.

        Raises `ConfigError` if no layer of the network can tell.
        """
        ...

    def weight(self, layer: str) -> NDArray[np.float32]:
        """The weights of a layer by name."""
        ...

    def maps(self, values: NDArray[np.float32], features: Sequence[LayerCost], where: LayerCost | None) -> Maps:
        """What one input `(channels, *axes)` makes of the layers `features`, and the activations at `where`."""
        ...
