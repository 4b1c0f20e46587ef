"""What is known of one layer of a network. Without torch, so that serving can tell it too."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LayerCost:
    """One layer at one input.

    name: its path in the network. kind: its class. output_shape: without the batch.
    parameters: its own; 0 when a layer is used again.
    multiply_adds: for one input. Only products with weights count, as usual: no biases, norms, activations and pools.
    receptive_field: for each axis of the input the positions that one output sees, and how many lie between the fields
    of neighbouring outputs. Gates and norms that look at all positions are left out. None where the axes are not the
    input's any more, as after global pooling.
    first: for each axis of the input the position in the middle of what the first output sees: output p is about
    `first + p * step`. None as above.
    axes: which axes of `output_shape` they are: 1 for sound, unless a network puts others in between. None as above.
    sizes: its kernel, stride, dilation and groups in short, such as `k256 s16`.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: tuple[tuple[int, int], ...] | None
    first: tuple[float, ...] | None
    axes: tuple[int, ...] | None
    sizes: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "LayerCost":
        """What `to_json` gave. Raises `TypeError` or `KeyError` for anything else."""
        return cls(**{name: _as_tuples(value) for name, value in told.items()})


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
