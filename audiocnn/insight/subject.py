"""What is looked at: a trained model, or an architecture with random weights."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from audiocnn import models, pretrained
from audiocnn.checkpoint import load_network
from audiocnn.errors import ConfigError, UnknownModelError
from audiocnn.insight.layers import LayerTable
from audiocnn.insight.maps import Maps, activation_layer
from audiocnn.insight.torch_maps import maps
from audiocnn.nn.cost import layer_costs
from audiocnn.nn.layer import LayerCost
from audiocnn.spec import ModelSpec, rate_hz


@dataclass(frozen=True, slots=True)
class Subject:
    """A network in torch, in evaluation mode, and the input it is shown with. A `Lens`, with gradients.

    shape: of that input, `(channels, *axes)`. rate_hz: positions a second along its first axis: samples of sound,
    frames of video; None where there is no time or the rate is not known.
    spec: of a trained model; None for an architecture, whose weights are random.
    """

    name: str
    architecture: str
    network: nn.Module
    shape: tuple[int, ...]
    rate_hz: int | None
    spec: ModelSpec | None

    @property
    def trained(self) -> bool:
        return self.spec is not None

    def table(self) -> LayerTable:
        """Raises `ConfigError` if the network does not take input of that shape."""
        return LayerTable(tuple(layer_costs(self.network, self.shape)), self.rate_hz)

    def mapped(self) -> Sequence[LayerCost]:
        return [layer for layer in self.table().layers if layer.axes is not None]

    def activation_layer(self) -> LayerCost:
        return activation_layer(self.mapped())

    def weight(self, layer: str) -> NDArray[np.float32]:
        weight: NDArray[np.float32] = self.network.get_parameter(f"{layer}.weight").detach().cpu().numpy()
        return weight

    def maps(self, values: NDArray[np.float32], features: Sequence[LayerCost], where: LayerCost | None) -> Maps:
        return maps(self.network, values, features, where or self.activation_layer())


def load_subject(model: str | Path, shape: Sequence[int] = (), num_outputs: int | None = None) -> Subject:
    """A bundled model by name, a model in a directory, or an architecture by name with random weights.

    shape: of the input instead of the model's own: its axes, or channels and axes; none leaves it as it is.
    num_outputs: of an architecture, 10 by default; a trained model has the outputs it has.
    Raises `UnknownModelError` for another name, `CheckpointError` for a damaged model, and `ConfigError` for outputs of
    a trained model, a shape with another number of axes, or none where an architecture has no usual one.
    """
    try:
        directory = pretrained.resolve(model)
    except UnknownModelError as error:
        if str(model) not in models.names():
            raise UnknownModelError(f"{error}; architectures: {', '.join(models.names())}") from error
        return _architecture(str(model), shape, num_outputs or 10)
    if num_outputs is not None:
        raise ConfigError(f"{model} is trained and has one output for each label; outputs are for architectures")
    spec, network = load_network(directory)
    own = spec.input.shape
    return Subject(spec.name, spec.architecture, network, _shape(own[0], own[1:], shape), rate_hz(spec.input), spec)


def _architecture(name: str, shape: Sequence[int], num_outputs: int) -> Subject:
    entry = models.architecture(name)
    usual = entry.axes or (0,) * entry.ndim
    shape = _shape(entry.in_channels, usual, shape)
    if 0 in shape:
        raise ConfigError(f"architecture {name!r} has no usual input; give one of {entry.ndim} axes")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.build(name, num_outputs).eval()
    return Subject(name, name, network, shape, entry.sample_rate, None)


def _shape(channels: int, axes: tuple[int, ...], wanted: Sequence[int]) -> tuple[int, ...]:
    if len(wanted) == len(axes) + 1:
        return tuple(wanted)
    if wanted and len(wanted) != len(axes):
        raise ConfigError(
            f"expected a shape of {len(axes)} numbers, or {len(axes) + 1} with the channels, as the model's own "
            f"{channels}x{'x'.join(map(str, axes))}, got {'x'.join(map(str, wanted))}"
        )
    return (channels, *(wanted or axes))


def parse_shape(text: str) -> tuple[int, ...]:
    """`16000`, `28x28` or `3x224x224` as numbers. Raises `ConfigError` for anything else."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}(x[1-9][0-9]{0,8})*", text):
        raise ConfigError(f"a shape is whole numbers with x between them, as in 16000 or 3x224x224, got {text!r}")
    return tuple(map(int, text.split("x")))
