"""The layer table: output shape, weights, cost and receptive field of every layer, with totals."""

from dataclasses import dataclass
from typing import Any

from audiocnn.nn.layer import LayerCost


@dataclass(frozen=True, slots=True)
class LayerTable:
    """The layers of a network in the order they run for one input.

    rate_hz: as in `Subject`: what turns positions of the first axis into milliseconds.
    """

    layers: tuple[LayerCost, ...]
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
        return {
            "layers": [_row(layer, self.field_ms(layer)) for layer in self.layers],
            "totals": {"parameters": self.parameters, "multiply_adds": self.multiply_adds},
        }


def _row(layer: LayerCost, field_ms: tuple[float, float] | None) -> dict[str, Any]:
    fields = layer.receptive_field
    return {
        "name": layer.name,
        "kind": layer.kind,
        "sizes": layer.sizes,
        "output_shape": list(layer.output_shape),
        "parameters": layer.parameters,
        "multiply_adds": layer.multiply_adds,
        "receptive_field": fields and [field for field, _ in fields],
        "step": fields and [step for _, step in fields],
        "receptive_field_ms": field_ms and round(field_ms[0], 6),
        "step_ms": field_ms and round(field_ms[1], 6),
    }
