"""`InnerValues`: what an exported network computes on the way to its answer, without torch.

The export writes into the metadata of `model.onnx` which tensor of its graph is the output of which layer, and how the
last map becomes logits (`audiocnn.annotate` finds both out). `InnerValues` opens the file with those tensors as further
outputs.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from audiocnn.checkpoint import ONNX, read_weight
from audiocnn.errors import CheckpointError
from audiocnn.inference.onnx_backend import open_session
from audiocnn.inference.onnx_file import with_metadata, with_outputs
from audiocnn.nn.layer import LayerCost

KEY = "audiocnn.layers"
Values = NDArray[np.float32]
PoolKind = Literal["mean", "max", "mean_plus_max", "mean_max"]


@dataclass(frozen=True, slots=True)
class Tail:
    """How the map of `layer` becomes logits: a global pool and, behind it, a linear layer.

    linear: its path in the network; None if what was pooled are the logits. column: of its weights, the first that
    meets what was pooled from this map.
    """

    layer: str
    pool: PoolKind
    linear: str | None
    column: int = 0

    def gradients(self, output: Values, weight: Values | None) -> Values:
        """Of each logit by the map `output`, `(channels, *rest)`: `(logits, channels, *rest)`.

        weight: of the linear layer, if there is one.
        """
        channels = len(output)
        flat = output.reshape(channels, -1)
        highest = flat == flat.max(axis=1, keepdims=True)
        # Where several positions share the maximum, so they share its gradient, as in torch.
        shares = {"mean": np.full(flat.shape, 1 / flat.shape[1]), "max": highest / highest.sum(axis=1, keepdims=True)}
        parts = [shares["mean"] + shares["max"]] if self.pool == "mean_plus_max" else [
            shares[part] for part in self.pool.split("_")
        ]  # fmt: skip
        pooled = len(parts) * channels
        weights = np.eye(pooled) if weight is None else weight[:, self.column : self.column + pooled]
        of_parts = zip(np.split(weights, len(parts), axis=1), parts, strict=True)
        total = sum(one[:, :, np.newaxis] * part for one, part in of_parts)
        return np.asarray(total, np.float32).reshape(len(weights), *output.shape)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a file says of its network.

    layers: as they run. tensors: for layers by name, the tensor of the graph that is their output; some have none,
    because lowering folded them into another. tail: None where the logits come out otherwise.
    """

    layers: tuple[LayerCost, ...]
    tensors: dict[str, str]
    tail: Tail | None

    def written_into(self, model: bytes) -> bytes:
        """The ONNX file `model`, annotated."""
        told = {
            "layers": [layer.to_json() for layer in self.layers],
            "tensors": self.tensors,
            "tail": self.tail and asdict(self.tail),
        }
        return with_metadata(model, KEY, json.dumps(told, separators=(",", ":")))

    @classmethod
    def read(cls, text: str) -> "Annotation":
        """Raises `ValueError` for text that is no annotation."""
        try:
            told: dict[str, Any] = json.loads(text)
            tail = None if told["tail"] is None else Tail(**told["tail"])
            if tail is not None and tail.pool not in get_args(PoolKind):
                raise ValueError(f"no pool is called {tail.pool!r}")
            return cls(tuple(map(LayerCost.from_json, told["layers"])), dict(told["tensors"]), tail)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it does not describe layers: {error!r}") from error


class InnerValues:
    """The network in `directory`, run for what its layers give. Safe to share between threads.

    Raises `CheckpointError` for a file that is not annotated: exported by a version before 0.5, or by something else.
    """

    def __init__(self, directory: Path, input_name: str) -> None:
        self._directory, self._input_name = directory, input_name
        path = directory / ONNX
        told = open_session(path).get_modelmeta().custom_metadata_map.get(KEY)
        if told is None:
            raise CheckpointError(
                f"{path} does not say which of its values are the layers'; write it anew with: "
                f"audiocnn export {directory}"
            )
        try:
            self.annotation = Annotation.read(told)
        except ValueError as error:
            raise CheckpointError(f"the layers in {path} cannot be read: {error}") from error
        self._shapes = {layer.name: layer.output_shape for layer in self.annotation.layers}
        self._session = open_session(path, with_outputs(path.read_bytes(), [*self.annotation.tensors.values()]))

    def run(self, values: Values, layers: Iterable[str]) -> tuple[Values, dict[str, Values]]:
        """Logits `(outputs,)` for one input `(channels, *axes)`, and what each of `layers` gives, in its shape."""
        names = list(dict.fromkeys(layers))
        tensors = [self.annotation.tensors[name] for name in names]
        logits, *outputs = self._session.run(["logits", *tensors], {self._input_name: values[np.newaxis]})
        of_layers = zip(names, outputs, strict=True)
        return logits[0], {name: output.reshape(self._shapes[name]) for name, output in of_layers}

    def weight(self, layer: str) -> Values:
        """The weights of a layer as they were trained. Raises `CheckpointError` if it has none."""
        return read_weight(self._directory, f"{layer}.weight")
