"""Feature maps of one input, and where in it each class was seen.

`Maps.activations` are Grad-CAM: Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
localization", ICCV 2017 (arXiv 1610.02391), equations 1 and 2, on the last feature map of enough positions. Each
channel is weighted by the gradient of the class's logit, and the channels are summed at every position.
Deviations: the gradients are summed over the positions and not averaged, so that the unit is logits. Behind a mean and
a linear layer, a position then has what the logit, without its bias, would be if all positions were like this one,
which is the class activation map of Zhou et al., "Learning deep features for discriminative localization", CVPR 2016
(arXiv 1512.04150). And negative values, which speak against the class, are kept.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.insight.layers import LayerTable
from audiocnn.nn.cost import LayerCost

MIN_POSITIONS = 4
"""A map of fewer positions says little of where."""

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Maps:
    """What one input made of a network.

    logits: `(labels,)`. features: for each layer `(channels, *positions)`; axes that are not the input's, such as the
    rows of a picture that a network makes of sound, count as channels. activations: `(labels, *positions)`, in logits.
    """

    logits: NDArray[np.float32]
    features: dict[str, NDArray[np.float32]]
    activations: NDArray[np.float32]


def activation_layer(table: LayerTable) -> LayerCost:
    """The last layer with enough positions to tell where. Raises `ConfigError` if there is none, as in an MLP."""
    for layer in reversed(table.layers):
        if layer.axes is not None and positions(layer) >= MIN_POSITIONS:
            return layer
    raise ConfigError(
        f"no layer of this network has a map of {MIN_POSITIONS} positions or more, so nothing tells where a class was "
        "seen; look at a convolutional network, or at a longer window"
    )


def feature_layers(table: LayerTable, names: Sequence[str] = ()) -> list[LayerCost]:
    """The layers called `names`; without any, the last layer before each change of resolution, at most six.

    Raises `ConfigError` for a name that no layer has, or one without a map.
    """
    mapped = {layer.name: layer for layer in table.layers if layer.axes is not None}
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


def maps(network: nn.Module, values: NDArray[np.float32], features: Sequence[LayerCost], where: LayerCost) -> Maps:
    """Run `network` on one input `(channels, *axes)` and keep the maps of the layers `features`, and the activations
    of each class at the layer `where`. The network itself is not changed."""
    with _kept(network, {layer.name for layer in (*features, where)}) as outputs, torch.enable_grad():
        logits = network(torch.from_numpy(values)[None])[0]
        at = outputs[where.name]
        gradients = [torch.autograd.grad(logit, at, retain_graph=True)[0] for logit in logits]
    feature_map = _channels_first(at.detach(), where)
    weights = torch.stack([_channels_first(g, where).flatten(1).sum(1) for g in gradients])
    activations = torch.tensordot(weights, feature_map, dims=1)
    return Maps(
        logits=logits.detach().numpy(),
        features={layer.name: _channels_first(outputs[layer.name].detach(), layer).numpy() for layer in features},
        activations=activations.numpy(),
    )


@contextmanager
def _kept(network: nn.Module, names: set[str]) -> Iterator[dict[str, Tensor]]:
    """Inside, the outputs of the layers `names` are kept as they are computed."""
    outputs: dict[str, Tensor] = {}
    handles = [
        network.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: outputs.update({name: out}))
        for name in names
    ]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _channels_first(output: Tensor, layer: LayerCost) -> Tensor:
    """`(1, *output_shape)` as `(channels, *positions)`, the positions in the order of the input's axes."""
    axes = layer.axes or ()
    moved = output[0].movedim(axes, tuple(range(-len(axes), 0)))
    return moved.reshape(-1, *moved.shape[-len(axes) :])
