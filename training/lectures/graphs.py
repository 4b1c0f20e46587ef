"""The lectures' blocks as small ONNX graphs whose filters are inputs, for the service, which has no torch.

    python -m training.lectures.graphs service/lectures/graphs

One file for each block and its sizes: `conv1d-s2-p1.onnx` is a `ConvNormAct` over one axis, stride 2, one zero on each
side, without norm and activation; `pool2d-max-k2-s1.onnx` a `Pool`. A test compares what they compute with the blocks.
"""

import itertools
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import click
import onnx
import torch
from torch import Tensor, nn

from audiocnn.nn.blocks import ConvNormAct, Pool
from audiocnn.nn.ndim import Ndim, Size

STRIDES: dict[Ndim, tuple[Size, ...]] = {1: (1, 2, 3, 4), 2: (1, 2, (3, 2))}
PADDINGS: dict[Ndim, tuple[int, ...]] = {1: (0, 1, 2, 3), 2: (0, 1)}
KINDS: tuple[Literal["max", "avg"], ...] = ("max", "avg")
WINDOWS: dict[Ndim, tuple[int, ...]] = {1: (2, 3, 4), 2: (2, 3)}
_OPSET = 18


def graphs() -> Iterator[tuple[str, bytes]]:
    """The name and the content of every file."""
    for ndim in STRIDES:
        example = torch.zeros(1, 1, *(9,) * ndim)
        for stride, padding in itertools.product(STRIDES[ndim], PADDINGS[ndim]):
            by = "x".join(map(str, stride)) if isinstance(stride, tuple) else stride
            block = ConvNormAct(ndim, 1, 1, 3, stride=stride, padding=padding, bias=True, norm=False, activation=None)
            yield f"conv{ndim}d-s{by}-p{padding}", _exported(block, example)
        for kind, window in itertools.product(KINDS, WINDOWS[ndim]):
            for stride in (1, window):
                yield (
                    f"pool{ndim}d-{kind}-k{window}-s{stride}",
                    _exported(Pool(ndim, kind, window, stride=stride), example),
                )
    yield "sigmoid", _exported(nn.Sigmoid(), torch.zeros(1, 1, 9))


def _exported(block: nn.Module, example: Tensor) -> bytes:
    """`block` as ONNX, for input of any size and any filters, which are the inputs `conv.weight` and `conv.bias`."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / "block.onnx"
        warnings.simplefilter("ignore")  # the older of two exporters says so, and that shapes are checked only once
        torch.onnx.export(
            block.eval(), (example,), path, dynamo=False, input_names=["x"], output_names=["out"],
            opset_version=_OPSET,
        )  # fmt: skip
        model = onnx.load(path)
    graph = model.graph
    filters = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    ends = {"x": example.ndim, **filters}
    del graph.initializer[:], graph.input[:], graph.output[:], graph.value_info[:]
    for name, ndim in ends.items():
        graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None] * ndim))
    graph.output.append(onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None] * example.ndim))
    for node in graph.node:
        kept = [attribute for attribute in node.attribute if (node.op_type, attribute.name) != ("Conv", "kernel_shape")]
        del node.attribute[:]
        node.attribute.extend(kept)  # without it the kernel is as large as the filters that come
    content: bytes = model.SerializeToString(deterministic=True)
    return content


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
def main(folder: Path) -> None:
    """Write them into FOLDER."""
    for name, content in graphs():
        (folder / f"{name}.onnx").write_bytes(content)


if __name__ == "__main__":
    main()
