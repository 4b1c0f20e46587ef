"""What the examples of the lectures' page take and answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

_Number = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]
_Row = Annotated[list[_Number], Field(min_length=1, max_length=1024)]
_Plane = Annotated[list[_Row], Field(min_length=1, max_length=64)]
_Volume = Annotated[list[_Plane], Field(min_length=1, max_length=16)]
_Filters = Annotated[list[_Volume], Field(min_length=1, max_length=16)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ConvolutionRequest(_Body):
    """A convolution as networks have it: the filters are not flipped."""

    input: _Plane | _Volume = Field(description="Channels, then one axis or two.")
    filters: _Volume | _Filters = Field(description="Filters, channels, then as many axes.")
    bias: list[_Number] | None = Field(None, max_length=16, description="A number for each filter; 0 if left out.")
    stride: Literal["1", "2", "3", "4", "3x2"] = Field("1", description="1 to 4 over one axis; 1, 2 or 3x2 over two.")
    padding: int = Field(0, ge=0, le=3, description="Zeros on each side; at most 1 over two axes.")
    sigmoid: bool = Field(False, description="Also give the sigmoid of the output: scores from 0 to 1.")


class ConvolutionResponse(BaseModel):
    shape: list[int] = Field(description="Of the output: filters, then the positions along each axis.")
    output: list[Any]
    sigmoid: list[Any] | None


class PoolingRequest(_Body):
    """The largest or the mean value of each window."""

    input: _Plane | _Volume = Field(description="Channels, then one axis or two.")
    kind: Literal["max", "avg"]
    window: int = Field(2, ge=2, le=4, description="2 to 4 over one axis, 2 or 3 over two.")
    overlap: bool = Field(False, description="A window at every position, and not one beside the other.")


class PoolingResponse(BaseModel):
    shape: list[int]
    output: list[Any]


class DigitRequest(_Body):
    """A handwritten digit."""

    pixels: list[Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=28, max_length=28)]] = Field(
        min_length=28, max_length=28, description="Rows of brightness from 0 to 1; the ink is bright."
    )


class MapBody(BaseModel):
    layer: str
    kind: str
    values: list[list[list[float]]] = Field(description="Channels, rows, columns.")


class DigitResponse(BaseModel):
    """What LeNet-5, the bundled model `mnist`, makes of it."""

    scores: list[float] = Field(description="Of the digits from 0 to 9.")
    filters: list[list[list[float]]] = Field(description="Those that meet the pixels: filters, rows, columns.")
    features: list[MapBody]


class NeighbourBody(BaseModel):
    kind: Literal["perceptron", "convolutional"]
    pixels: Literal["ordered", "shuffled"] = Field(description="What it was trained on, and is asked about.")
    scores: list[float] = Field(description="Of the digits from 0 to 9.")


class NeighboursResponse(BaseModel):
    """What networks say that were trained on digits as they are, and on digits with shuffled pixels."""

    shuffled: list[list[float]] = Field(description="The digit with its pixels in the other order.")
    networks: list[NeighbourBody]
