"""The input of the Open Inference Protocol: JSON to an array of the shape that the model takes."""

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from pydantic_core import from_json

from audiocnn.spec import InputSpec
from service.errors import InvalidTensorError, MalformedBodyError
from service.schemas import InferRequest


def input_of(body: bytes, spec: InputSpec) -> tuple[NDArray[np.float32], str | None]:
    """The float32 array `(batch, *spec.shape)` in the body of an infer request, and the id of the request.

    Raises `MalformedBodyError` for what is no JSON, NaN and infinity among it, `InvalidTensorError` for another input
    than the model's.
    """
    try:
        values = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedBodyError("the body is not JSON, or has NaN or infinity in it; send finite numbers") from error
    try:
        request = InferRequest.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False)[:3]
        )
        raise InvalidTensorError(f"this is no infer request for a tensor of FP32: {faults}") from error
    (tensor,) = request.inputs
    if tensor.name != spec.input_name:
        raise InvalidTensorError(f"the model's input is called {spec.input_name!r}")
    wanted = f"(batch, {', '.join(map(str, spec.shape))})"
    shape = tuple(tensor.shape)
    if shape[1:] != spec.shape or shape[0] < 1:
        raise InvalidTensorError(f"shape must be {wanted} with a batch of at least 1")
    return _array(tensor.data, shape), request.id


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
