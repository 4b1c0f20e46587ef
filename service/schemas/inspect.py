"""What `POST /v1/inspect` takes and answers. Answers are built by `audiocnn.insight`; a test holds both together."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.classify import AudioBody, ImageBody, ModelBody, VideoBody, VolumeBody

_Row = list[float | None]


class InspectParameters(BaseModel):
    """Query parameters of `POST /v1/inspect`."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, max_length=200, description="Which of the served models, by name.")
    layer: list[str] = Field(
        [],
        max_length=12,
        description="A layer whose map to give, by name; can be repeated. By default one of each resolution.",
    )
    rows: int = Field(64, ge=1, le=256, description="Most rows of a map; the strongest channels are kept.")
    columns: int = Field(300, ge=10, le=1000, description="Most columns of a map, over the whole sound.")
    top_k: int = Field(6, ge=1, le=50, description="For how many labels to tell where they were seen, best first.")
    silence: bool = Field(True, description="Also run the silence detector over the sound.")


class InspectedInput(BaseModel):
    shape: list[int] = Field(description="Of one input of the network, its channels first.")
    sample_rate: int | None = Field(None, description="In Hz, with a model of sound; `window` and `hop` count samples.")
    window: int | None = None
    hop: int | None = None


class LayerBody(BaseModel):
    """A layer, in the order they run."""

    name: str
    kind: str
    sizes: str = Field(description="Kernel, stride, dilation and groups in short, such as `k256 s16`.")
    output_shape: list[int]
    parameters: int
    multiply_adds: int
    receptive_field: list[int] | None = Field(
        description="Along each axis of the input, how many positions one value sees; null behind a global pool."
    )
    step: list[int] | None = Field(description="How many positions lie between the fields of neighbouring values.")
    first: list[float] | None = Field(description="The position in the middle of what the first value sees.")
    receptive_field_ms: float | None
    step_ms: float | None
    mapped: bool = Field(description="Whether its map can be asked for; a convolution may be folded into its norm.")


class FiltersBody(BaseModel):
    """The filters that meet the input."""

    layer: str
    weights: list[Any] = Field(description="Nested lists: filters, channels, and the axes of the filter.")
    frequencies_hz: list[float] = Field([], description="Of sound: where `gains_db` are taken.")
    gains_db: list[list[float]] = Field([], description="For each filter, how strongly it passes each frequency.")
    centres_hz: list[float] = Field([], description="Where each filter is most sensitive.")
    order: list[int] = Field([], description="The filters from the lowest to the highest.")


class HeatBody(BaseModel):
    """The map of one layer."""

    layer: str
    channels: list[int] = Field(description="Which of its channels; of the first layers of sound from low to high.")
    rows: int = Field(description="Rows of each channel: more than one where a network makes a picture of sound.")
    rms: bool = Field(description="Whether a value is the root mean square of several, which has no sign.")
    values: list[_Row] | list[list[_Row]] = Field(
        description="Of sound: rows over columns, evenly spread over `duration_s`, null where it is silent. Of "
        "pictures: channels, rows and columns."
    )


class SeenBody(BaseModel):
    label: str
    score: float | None = Field(description="Of the whole file; null if it is silent.")
    values: list[Any] = Field(
        description="In logits, evenly spread over the file: what speaks for the label there, or against it."
    )


class ActivationBody(BaseModel):
    """Where each label was seen."""

    layer: str
    labels: list[SeenBody] = Field(description="Best first.")


class SilenceBody(BaseModel):
    """The bundled silence detector over the sound."""

    times_s: list[float]
    likelihoods: list[float] = Field(description="Of silence, the sigmoid of the filter's response: from 0 to 1.")
    levels_db: list[float] = Field(description="Relative to full scale.")


class InspectTiming(BaseModel):
    total: float = Field(description="From the whole request to the answer.")


class InspectResponse(BaseModel):
    """What a model made of a file on the way to its answer."""

    request_id: str
    model: ModelBody
    audio: AudioBody | None = None
    image: ImageBody | None = None
    video: VideoBody | None = None
    volume: VolumeBody | None = None
    warnings: list[str]
    duration_s: float | None = Field(description="What the columns cover; null without time.")
    input: InspectedInput
    layers: list[LayerBody]
    filters: FiltersBody | None
    features: list[HeatBody] = Field(description="Empty for silence.")
    activation: ActivationBody | None = Field(
        description="Null for networks where it could only be estimated: other than a global pool and a linear layer "
        "behind the last map."
    )
    silence: SilenceBody | None = Field(description="Of sound, if it was asked for.")
    timing_ms: InspectTiming
