"""The graphs that the service runs for the lectures' page are the library's blocks."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from audiocnn.inference.onnx_backend import open_session
from audiocnn.nn.blocks import Pool
from audiocnn.nn.filters import convolution
from training.lectures.graphs import KINDS, PADDINGS, STRIDES, WINDOWS, graphs

FOLDER = Path(__file__).parents[2] / "service" / "lectures" / "graphs"
RANDOM = np.random.default_rng(0)


def test_the_files_are_those_of_the_code():
    written = dict(graphs())
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(written)
    changed = [name for name, content in written.items() if (FOLDER / f"{name}.onnx").read_bytes() != content]
    assert not changed, "write them anew with: python -m training.lectures.graphs service/lectures/graphs"


def run(name, x, **filters):
    return open_session(FOLDER / f"{name}.onnx").run(None, {"x": x, **filters})[0]


@pytest.mark.parametrize("ndim", STRIDES)
def test_convolutions_are_those_of_the_library(ndim):
    """With other channels, filters and lengths than the export saw."""
    for stride, padding in itertools.product(STRIDES[ndim], PADDINGS[ndim]):
        by = "x".join(map(str, stride)) if isinstance(stride, tuple) else stride
        x = RANDOM.standard_normal((1, 3, *(11, 14)[:ndim])).astype(np.float32)
        filters = RANDOM.standard_normal((2, 3, *(4, 3)[:ndim])).astype(np.float32)
        bias = np.array([1, -2], np.float32)
        block = convolution(torch.from_numpy(filters), bias=[1, -2], stride=stride, padding=padding)
        found = run(f"conv{ndim}d-s{by}-p{padding}", x, **{"conv.weight": filters, "conv.bias": bias})
        np.testing.assert_allclose(found, block(torch.from_numpy(x)).detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ndim", WINDOWS)
def test_pools_are_those_of_the_library(ndim):
    for kind, window in itertools.product(KINDS, WINDOWS[ndim]):
        for stride in (1, window):
            x = RANDOM.standard_normal((1, 3, *(13, 10)[:ndim])).astype(np.float32)
            expected = Pool(ndim, kind, window, stride=stride)(torch.from_numpy(x))
            found = run(f"pool{ndim}d-{kind}-k{window}-s{stride}", x)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
