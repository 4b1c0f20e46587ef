"""Feature maps of one input, and where in it each class was seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.nn.layer import LayerCost

MIN_POSITIONS = 4
"""A map of fewer positions says little of where."""

Values = NDArray[np.float32]

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Maps:
    """What one input made of a network.

    logits: `(labels,)`. features: for each layer `(channels, *positions)`; axes that are not the input's, such as the
    rows of a picture that a network makes of sound, count as channels. activations: `(labels, *positions)`, in logits
    (see `audiocnn.insight.torch_maps`); None where they were not asked for.
    """

    logits: Values
    features: dict[str, Values]
    activations: Values | None


def activation_layer(layers: Sequence[LayerCost]) -> LayerCost:
    """The last layer with enough positions to tell where. Raises `ConfigError` if there is none, as in an MLP."""
    for layer in reversed(layers):
        if layer.axes is not None and positions(layer) >= MIN_POSITIONS:
            return layer
    raise ConfigError(
        f"no layer of this network has a map of {MIN_POSITIONS} positions or more, so nothing tells where a class was "
        "seen; look at a convolutional network, or at a longer window"
    )


def feature_layers(layers: Sequence[LayerCost], names: Sequence[str] = ()) -> list[LayerCost]:
    """The layers called `names`; without any, the last layer before each change of resolution, at most six.

    Raises `ConfigError` for a name that no layer has, or one without a map.
    """
    mapped = {layer.name: layer for layer in layers if layer.axes is not None}
    for name in names:
        if name not in mapped:
            raise ConfigError(f"no layer called {name!r} has a feature map; known: {', '.join(mapped)}")
    if names:
        return [mapped[name] for name in names]
    lasts = list({positions(layer): layer for layer in mapped.values()}.values())
    chosen = np.unique(np.linspace(0, len(lasts) - 1, _SHOWN).round().astype(int))
    return [lasts[i] for i in chosen]


def positions(layer: LayerCost) -> int:
    """How many positions the map of `layer` has over all axes of the input."""
    return int(np.prod([layer.output_shape[axis] for axis in layer.axes or ()]))


def channels_first(output: Values, layer: LayerCost) -> Values:
    """What `layer` gave, of its `output_shape`, as `(channels, *positions)`, in the order of the input's axes."""
    axes = layer.axes or ()
    moved = np.moveaxis(output, axes, range(-len(axes), 0))
    return moved.reshape(-1, *moved.shape[moved.ndim - len(axes) :])


def class_activations(output: Values, gradients: Values, layer: LayerCost) -> Values:
    """Where each class was seen, `(labels, *positions)`, from what `layer` gave and the gradients of the logits.

    output: of its `output_shape`. gradients: `(labels, *output_shape)`. Each channel is weighted by the sum of its
    gradient over the positions.
    """
    feature_map = channels_first(output, layer)
    weights = np.stack([channels_first(one, layer).reshape(len(feature_map), -1).sum(axis=1) for one in gradients])
    found: Values = np.tensordot(weights, feature_map, axes=1)
    return found
