"""An exported model looked into with onnxruntime: what the service uses, which has no torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn import pretrained
from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from audiocnn.inference.inner import InnerValues
from audiocnn.insight.layers import LayerTable
from audiocnn.insight.maps import Maps, activation_layer, channels_first, class_activations
from audiocnn.nn.layer import LayerCost
from audiocnn.spec import ModelSpec, rate_hz


class OnnxLens:
    """See `Lens`. Shows the layers that are tensors of the graph: a norm that was folded into the convolution before it
    stands for both. Activations are exact, or left out: see `audiocnn.inference.inner.Tail`.

    Safe to share between threads.
    """

    def __init__(self, spec: ModelSpec, values: InnerValues) -> None:
        self._spec = spec
        self._values = values
        annotation = values.annotation
        self._table = LayerTable(annotation.layers, rate_hz(spec.input))
        self._mapped = {layer.name: layer for layer in annotation.layers if layer.name in annotation.tensors}
        self._tail = annotation.tail if self._tells_where() else None
        linear = None if self._tail is None else self._tail.linear
        self._linear = None if linear is None else values.weight(linear)

    @classmethod
    def load(cls, model: str | Path) -> "OnnxLens":
        """A bundled model by name, or one in a directory.

        Raises `UnknownModelError`, and `CheckpointError` for one exported without the names of its layers.
        """
        directory = pretrained.resolve(model)
        spec = read_spec(directory)
        return cls(spec, InnerValues(directory, spec.input.input_name))

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self._spec.input.shape

    @property
    def spec(self) -> ModelSpec:
        return self._spec

    def table(self) -> LayerTable:
        return self._table

    def mapped(self) -> Sequence[LayerCost]:
        return list(self._mapped.values())

    def activation_layer(self) -> LayerCost | None:
        return None if self._tail is None else self._mapped[self._tail.layer]

    def weight(self, layer: str) -> NDArray[np.float32]:
        return self._values.weight(layer)

    def maps(self, values: NDArray[np.float32], features: Sequence[LayerCost], where: LayerCost | None) -> Maps:
        asked = [layer.name for layer in (*features, *([where] if where else ()))]
        logits, outputs = self._values.run(values, asked)
        activations = None
        if where is not None and self._tail is not None:
            output = outputs[where.name]
            activations = class_activations(output, self._tail.gradients(output, self._linear), where)
        return Maps(logits, {layer.name: channels_first(outputs[layer.name], layer) for layer in features}, activations)

    def _tells_where(self) -> bool:
        """Whether the pooled map is the one that `activation_layer` would choose."""
        tail = self._values.annotation.tail
        try:
            return tail is not None and activation_layer(self._table.layers).name == tail.layer
        except ConfigError:
            return False
