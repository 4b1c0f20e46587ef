"""The layer table: output shape, weights, cost and receptive field of every layer, with totals."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from audiocnn.insight.subject import Subject
from audiocnn.nn.cost import LayerCost, layer_costs


@dataclass(frozen=True, slots=True)
class LayerTable:
    """The layers of a network in the order they run for one input.

    sizes: for each layer its kernel, stride, dilation and groups in short, such as `k256 s16`.
    rate_hz: as in `Subject`: what turns positions of the first axis into milliseconds.
    """

    layers: tuple[LayerCost, ...]
    sizes: tuple[str, ...]
    rate_hz: int | None

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    def field_ms(self, layer: LayerCost) -> tuple[float, float] | None:
        """The receptive field of `layer` in time and the time between two of its positions, in milliseconds."""
        if layer.receptive_field is None or self.rate_hz is None:
            return None
        field, step = layer.receptive_field[0]
        return 1000 * field / self.rate_hz, 1000 * step / self.rate_hz

    def to_json(self) -> dict[str, Any]:
        rows = [_row(layer, sizes, self.field_ms(layer)) for layer, sizes in zip(self.layers, self.sizes, strict=True)]
        return {
            "layers": rows,
            "totals": {"parameters": self.parameters, "multiply_adds": self.multiply_adds},
        }


def layer_table(subject: Subject) -> LayerTable:
    """The layers of `subject` for its input. Raises `ConfigError` if the network does not take that shape."""
    layers = layer_costs(subject.network, subject.shape)
    sizes = (_sizes(subject.network.get_submodule(layer.name)) for layer in layers)
    return LayerTable(tuple(layers), tuple(sizes), subject.rate_hz)


def _row(layer: LayerCost, sizes: str, field_ms: tuple[float, float] | None) -> dict[str, Any]:
    fields = layer.receptive_field
    return {
        "name": layer.name,
        "kind": layer.kind,
        "sizes": sizes,
        "output_shape": list(layer.output_shape),
        "parameters": layer.parameters,
        "multiply_adds": layer.multiply_adds,
        "receptive_field": fields and [field for field, _ in fields],
        "step": fields and [step for _, step in fields],
        "receptive_field_ms": field_ms and round(field_ms[0], 6),
        "step_ms": field_ms and round(field_ms[1], 6),
    }


def _sizes(layer: nn.Module) -> str:
    """What a layer slides and how: `k3x3 s2`; a stride, dilation or number of groups of 1 is not told."""
    kernel = getattr(layer, "kernel_size", None)
    if kernel is None:
        return ""
    parts = [f"k{_number(kernel)}"]
    for letter, name in (("s", "stride"), ("d", "dilation"), ("g", "groups")):
        size = getattr(layer, name, 1)
        if set(size if isinstance(size, tuple) else (size,)) != {1}:
            parts.append(f"{letter}{_number(size)}")
    return " ".join(parts)


def _number(size: int | tuple[int, ...]) -> str:
    sizes = size if isinstance(size, tuple) else (size,)
    return str(sizes[0]) if len(set(sizes)) == 1 else "x".join(map(str, sizes))
