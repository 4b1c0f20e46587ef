"""The input of the Open Inference Protocol: JSON to an array of the shape that the model takes."""

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from pydantic_core import from_json

from audiocnn.spec import InputSpec
from service.errors import InvalidTensorError, MalformedBodyError, body_faults_of
from service.schemas import InferRequest

UNFOLDED = 4
"""How many bytes of memory each byte of a body may take once it is parsed: a pointer for a digit and its comma."""

_AROUND = 1000  # lists and objects of a request beside its tensor


def input_of(body: bytes, spec: InputSpec) -> tuple[NDArray[np.float32], str | None]:
    """The float32 array `(batch, *spec.shape)` in the body of an infer request, and the id of the request.

    Raises `MalformedBodyError` for what is no JSON, NaN and infinity among it, and for a flood of lists,
    `InvalidTensorError` for another input than the model's.
    """
    if body.count(b"[") + body.count(b"{") > _most_lists(len(body), spec):
        raise MalformedBodyError("the body has more lists than a tensor of the model may have; send data flat")
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBodyError("the body is not JSON, or has NaN or infinity in it; send finite numbers") from error
    try:
        request = InferRequest.model_validate(values)
    except ValidationError as error:
        faults = body_faults_of(error.errors(include_input=False))
        raise InvalidTensorError(f"this is no infer request for a tensor of FP32: {faults}") from error
    (tensor,) = request.inputs
    if tensor.name != spec.input_name:
        raise InvalidTensorError(f"the model's input is called {spec.input_name!r}")
    wanted = f"(batch, {', '.join(map(str, spec.shape))})"
    shape = tuple(tensor.shape)
    if shape[1:] != spec.shape or not 1 <= shape[0] <= len(body):
        raise InvalidTensorError(f"shape must be {wanted} with a batch of at least 1, and as many numbers in data")
    return _array(tensor.data, shape), request.id


def _most_lists(num_bytes: int, spec: InputSpec) -> int:
    """How many lists and objects a request of this length may have: each takes many times the memory of its bytes.

    The innermost lists hold a row each, a digit and a comma for each number of it, and those around hold them.
    """
    return _AROUND + num_bytes * len(spec.shape) // (2 * spec.shape[-1])


def _array(data: list[object], shape: tuple[int, ...]) -> NDArray[np.float32]:
    try:
        found = np.asarray(data)
    except ValueError as error:
        raise InvalidTensorError("data must be flat, or nested as shape says") from error
    if found.dtype.kind not in "iuf":
        raise InvalidTensorError("data must hold numbers and nothing else")
    if found.shape not in (shape, (math.prod(shape),)):
        raise InvalidTensorError(
            f"data must hold the {math.prod(shape)} numbers that shape says, flat or nested, it holds {found.size}"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and the model refuses that
        return found.astype(np.float32).reshape(shape)
