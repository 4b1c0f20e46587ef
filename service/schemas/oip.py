"""The bodies of the Open Inference Protocol, version 2, as far as networks of one input and one output need them."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: list[str]


class ServerLive(BaseModel):
    live: bool


class ServerReady(BaseModel):
    ready: bool


class ModelReady(BaseModel):
    name: str
    ready: bool


class TensorMetadata(BaseModel):
    name: str
    datatype: Literal["FP32"]
    shape: list[int] = Field(description="-1 for the batch.")


class ModelMetadata(BaseModel):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class InputTensor(BaseModel):
    name: str = Field(description="As in the model's metadata: `waveform`, `image`, `video` or `volume`.")
    shape: list[int] = Field(description="`(batch, 1, samples)` for sound.")
    datatype: Literal["FP32"]
    data: list[Any] = Field(description="Finite numbers, flat or nested, in row-major order.")


class RequestedOutput(BaseModel):
    name: Literal["logits"]


class InferRequest(BaseModel):
    id: str | None = Field(None, max_length=200)
    inputs: list[InputTensor] = Field(min_length=1, max_length=1)
    outputs: list[RequestedOutput] = Field([], max_length=1)


class OutputTensor(BaseModel):
    name: Literal["logits"]
    shape: list[int]
    datatype: Literal["FP32"]
    data: list[float] = Field(description="Flat, in row-major order.")


class InferResponse(BaseModel):
    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]
