"""Which tensor of an exported graph is the output of which layer, and how the last map becomes logits.

Names in the graph follow neither the network's, because the exporter leaves out modules whose `forward` is not called,
nor its structure, because lowering folds and replaces layers. So both are shown the same inputs, and what comes out
equal belongs together.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audiocnn.inference.inner import Annotation, Tail
from audiocnn.inference.onnx_backend import open_session
from audiocnn.inference.onnx_file import with_outputs
from audiocnn.nn.blocks import GlobalPool
from audiocnn.nn.cost import layer_costs
from audiocnn.nn.layer import LayerCost
from audiocnn.spec import InputSpec

_RELATIVE, _ABSOLUTE = 1e-3, 1e-5
_Values = NDArray[np.float32]


def annotate(network: nn.Module, spec: InputSpec, onnx_file: Path) -> Annotation:
    """What `onnx_file`, which was exported from `network`, is to say of it."""
    layers = tuple(layer_costs(network, spec.shape))
    inputs = _inputs(spec.shape)
    run = _Run(network, inputs)
    mapped = {layer.name: layer for layer in layers if layer.axes is not None}
    candidates = list(_inner_values(onnx_file, spec.input_name, inputs))
    tensors: dict[str, str] = {}
    for name in mapped:
        expected = run.outputs[name].detach().numpy()
        found = next((tensor for tensor, values in candidates if _equal(values, expected)), None)
        if found is not None:
            tensors[name] = found
    return Annotation(layers, tensors, _tail(network, run, [mapped[name] for name in tensors]))


def _inputs(shape: tuple[int, ...]) -> _Values:
    """White noise and noise that drifts, loud and soft, so that no two layers look alike by accident."""
    random = np.random.default_rng(0)
    white = random.standard_normal((2, *shape))
    drift = random.standard_normal(shape).cumsum(axis=-1)
    return np.stack([white[0], 0.1 * white[1], drift / drift.std()]).astype(np.float32)


class _Run:
    """One run of `network`, with what went into and came out of its modules; of one that runs twice, the last."""

    def __init__(self, network: nn.Module, inputs: _Values) -> None:
        self.inputs: dict[str, Tensor] = {}
        self.outputs: dict[str, Tensor] = {}
        names = {module: name for name, module in network.named_modules()}

        def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
            self.inputs[names[module]], self.outputs[names[module]] = given[0], output

        handles = [module.register_forward_hook(keep) for module in names]
        try:
            with torch.enable_grad():
                self.logits: Tensor = network(torch.from_numpy(inputs))
        finally:
            for handle in handles:
                handle.remove()


def _inner_values(path: Path, input_name: str, inputs: _Values) -> Iterator[tuple[str, _Values]]:
    """Every value of the graph with its name, in the order in which they are computed."""
    import onnx

    names = [name for node in onnx.load(path).graph.node for name in node.output if name]
    asked = [name for name in names if name not in ("logits", "frames")]
    session = open_session(path, with_outputs(path.read_bytes(), asked))
    given = [end.name for end in session.get_outputs()]
    yield from zip(given, session.run(given, {input_name: inputs}), strict=True)


def _equal(values: _Values, expected: _Values) -> bool:
    """Whether the numbers are the same; an axis of one position more or less does not matter."""
    if values.size != expected.size or len(values) != len(expected):
        return False
    scale = float(np.abs(expected).max())
    return bool(np.allclose(values.reshape(expected.shape), expected, _RELATIVE, _ABSOLUTE * scale))


def _tail(network: nn.Module, run: _Run, mapped: list[LayerCost]) -> Tail | None:
    """The global pool over the last map that has one, and the linear layer behind it, if they make the logits."""
    for layer in reversed(mapped):
        output = run.outputs[layer.name]
        for name, module in network.named_modules():
            if isinstance(module, GlobalPool) and run.inputs.get(name) is output:
                for tail in _possible(network, run, layer.name, name, module):
                    if _makes_the_gradients(tail, network, run):
                        return tail
    return None


def _possible(network: nn.Module, run: _Run, layer: str, pool: str, module: GlobalPool) -> Iterator[Tail]:
    pooled = run.outputs[pool]
    yield Tail(layer, module.kind, None)
    for name, linear in network.named_modules():
        if isinstance(linear, nn.Linear) and name in run.inputs:
            given = run.inputs[name]
            for column in range(given.shape[1] - pooled.shape[1] + 1):
                if torch.equal(given[:, column : column + pooled.shape[1]], pooled):
                    yield Tail(layer, module.kind, name, column)


def _makes_the_gradients(tail: Tail, network: nn.Module, run: _Run) -> bool:
    """Whether `tail` tells what torch does, for the first input."""
    output = run.outputs[tail.layer]
    weight = None if tail.linear is None else network.get_parameter(f"{tail.linear}.weight").detach().numpy()
    told = tail.gradients(output[0].detach().numpy(), weight)
    if len(told) != run.logits.shape[1]:
        return False
    expected = [torch.autograd.grad(logit, output, retain_graph=True)[0][0] for logit in run.logits[0]]
    return _equal(told, torch.stack(expected).numpy())
