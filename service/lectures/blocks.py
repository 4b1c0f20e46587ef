"""Convolutions, pools and LeNet-5 for the lectures' page, without torch: `graphs` holds exported blocks."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.inference.onnx_backend import open_session
from audiocnn.insight.onnx_lens import OnnxLens
from audiocnn.nn.heads import head_of
from audiocnn.spec import ImageSpec
from service.errors import InvalidTensorError
from service.schemas.lectures import ConvolutionRequest, DigitRequest, PoolingRequest

_GRAPHS = Path(__file__).parent / "graphs"
_DIGIT_LAYERS = ("features.0.act", "features.1.pool", "features.2.act", "features.3.pool")
_Values = NDArray[np.float32]


def convolve(request: ConvolutionRequest) -> dict[str, Any]:
    """The body of the answer. Raises `InvalidTensorError` for what does not fit together."""
    x, filters = _array("input", request.input), _array("filters", request.filters)
    if x.ndim not in (2, 3) or filters.ndim != x.ndim + 1:
        raise InvalidTensorError(
            "input must be nested as (channels, *axes) with one or two axes, and filters as (filters, channels, *axes)"
        )
    if filters.shape[1] != x.shape[0]:
        raise InvalidTensorError(f"the input has {x.shape[0]} channels, the filters have {filters.shape[1]}")
    if any(k > n + 2 * request.padding for k, n in zip(filters.shape[2:], x.shape[1:], strict=True)):
        raise InvalidTensorError("the filters are longer than the input with its padding; take shorter ones")
    bias = _array("bias", request.bias or [0.0] * len(filters))
    if bias.shape != (len(filters),):
        raise InvalidTensorError(f"bias must hold a number for each of {len(filters)} filters, got {bias.size}")
    name = f"conv{x.ndim - 1}d-s{request.stride}-p{request.padding}"
    out = _run(name, x, **{"conv.weight": filters, "conv.bias": bias})
    sigmoid = None
    if request.sigmoid:  # its graph takes one axis, and it looks at each number alone
        sigmoid = plain(_run("sigmoid", out.reshape(len(out), -1)).reshape(out.shape))
    return {"shape": list(out.shape), "output": plain(out), "sigmoid": sigmoid}


def pool(request: PoolingRequest) -> dict[str, Any]:
    """The body of the answer. Raises `InvalidTensorError` for what does not fit together."""
    x = _array("input", request.input)
    if x.ndim not in (2, 3):
        raise InvalidTensorError("input must be nested as (channels, *axes) with one or two axes")
    if min(x.shape[1:]) < request.window:
        raise InvalidTensorError(f"the input is shorter than a window of {request.window}")
    stride = 1 if request.overlap else request.window
    out = _run(f"pool{x.ndim - 1}d-{request.kind}-k{request.window}-s{stride}", x)
    return {"shape": list(out.shape), "output": plain(out)}


def read_digit(request: DigitRequest) -> dict[str, Any]:
    """LeNet-5's scores for a digit, and what its layers make of it on the way."""
    pixels = digit_pixels(request)
    lens = _lenet()
    spec = lens.spec.input
    assert isinstance(spec, ImageSpec)  # noqa: S101 - it is our own model
    layers = [layer for layer in lens.mapped() if layer.name in _DIGIT_LAYERS]
    made = lens.maps((pixels[np.newaxis] - np.float32(spec.mean)) / np.float32(spec.deviation), layers, None)
    scores = head_of(lens.spec.task).answers(made.logits[np.newaxis].astype(np.float64))[0]
    return {
        "scores": [round(float(score), 6) for score in scores],
        "filters": plain(lens.weight("features.0.conv")[:, 0]),
        "features": [
            {"layer": layer.name, "kind": layer.kind, "values": plain(made.features[layer.name])} for layer in layers
        ],
    }


def digit_pixels(request: DigitRequest) -> _Values:
    """Rows and columns. Raises `InvalidTensorError` for other than 28 of them."""
    pixels = _array("pixels", request.pixels)
    if pixels.shape != (28, 28):
        raise InvalidTensorError(f"pixels must be 28 rows of 28 numbers, got shape {pixels.shape}")
    return pixels


@functools.cache
def _lenet() -> OnnxLens:
    return OnnxLens.load("mnist")


@functools.cache
def _session(name: str) -> Any:
    path = _GRAPHS / f"{name}.onnx"
    if not path.is_file():
        known = sorted(file.stem for file in _GRAPHS.glob(f"{name.split('-')[0]}*.onnx"))
        raise InvalidTensorError(f"there is no block of these sizes, {name}; there are: {', '.join(known)}")
    return open_session(path)


def _run(name: str, x: _Values, **filters: _Values) -> _Values:
    out: _Values = _session(name).run(None, {"x": x[np.newaxis], **filters})[0][0]
    return out


def _array(name: str, nested: Any) -> _Values:
    try:
        found = np.asarray(nested, np.float32)
    except (ValueError, TypeError) as error:
        raise InvalidTensorError(f"{name} must be nested lists of numbers, all of one length") from error
    if not found.size:
        raise InvalidTensorError(f"{name} is empty")
    return found


def plain(values: _Values) -> Any:
    """Nested lists with what float32 can tell, without the noise behind it."""
    return np.round(values.astype(np.float64), 5).tolist()
