"""`inspect_file`: everything there is to see of one file in a model, small enough to send to a browser."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.arrays import plain
from audiocnn.insight.file import view_file
from audiocnn.insight.filters import Filters, FrequencyResponses, first_filters, frequency_responses
from audiocnn.insight.layers import LayerTable
from audiocnn.insight.onnx_lens import OnnxLens
from audiocnn.insight.silence import SilenceCurve, silence_curve
from audiocnn.insight.view import FeatureMap, FileView
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.nn.layer import LayerCost
from audiocnn.source import Source
from audiocnn.spec import AudioSpec, InputSpec

FREQUENCIES = 129
DIGITS = 3
"""Of every number: plenty for the eye, and half as many bytes."""


@dataclass(frozen=True, slots=True)
class Heat:
    """The map of one layer, cut down to be drawn.

    channels: which of the layer's, in the order of the rows. rows: how many each of them has: 1 over sound, as many as
    the picture is high where a network makes pictures of sound. values: `(channels * rows, columns)` over sound and
    `(channels, height, width)` over pictures.
    """

    layer: str
    channels: tuple[int, ...]
    rows: int
    rms: bool
    values: NDArray[np.floating]

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "channels": list(self.channels),
            "rows": self.rows,
            "rms": self.rms,
            "values": plain(self.values, DIGITS),
        }


@dataclass(frozen=True, slots=True)
class Inspection:
    """table: of all layers; `mapped` are the names of those with a map. responses, silence: of sound."""

    input: InputSpec
    table: LayerTable
    mapped: tuple[str, ...]
    filters: Filters | None
    responses: FrequencyResponses | None
    view: FileView
    heats: tuple[Heat, ...]
    silence: SilenceCurve | None

    def to_json(self, most_labels: int) -> dict[str, Any]:
        """As plain JSON types. most_labels: how many labels have their activations told, best first."""
        view, spec = self.view, self.input
        sound = {}
        if isinstance(spec, AudioSpec):
            sound = {"sample_rate": spec.sample_rate, "window": spec.window, "hop": spec.hop}
        return {
            view.info.media: view.info.to_json(),
            "warnings": list(view.warnings),
            "duration_s": view.duration_s,
            "input": {"shape": list(spec.shape), **sound},
            "layers": [
                {**row, "first": layer.first and list(layer.first), "mapped": layer.name in self.mapped}
                for row, layer in zip(self.table.to_json()["layers"], self.table.layers, strict=True)
            ],
            "filters": self._filters(),
            "features": [heat.to_json() for heat in self.heats],
            "activation": self._activation(most_labels),
            "silence": self.silence and self.silence.to_json(),
        }

    def _filters(self) -> dict[str, Any] | None:
        filters, responses = self.filters, self.responses
        if filters is None:
            return None
        told: dict[str, Any] = {"layer": filters.layer, "weights": plain(filters.weights, DIGITS)}
        if responses is not None:
            few = responses.shortened(FREQUENCIES)
            told |= {
                "frequencies_hz": plain(few.frequencies_hz),
                "gains_db": [[round(float(gain), 1) for gain in gains] for gains in few.gains_db],
                "centres_hz": plain(responses.centres_hz),
                "order": responses.order.tolist(),
            }
        return told

    def _activation(self, most_labels: int) -> dict[str, Any] | None:
        view = self.view
        if view.layer is None:
            return None
        return {
            "layer": view.layer,
            "labels": [
                {
                    "label": view.labels[label],
                    "score": None if view.scores is None else round(float(view.scores[label]), 6),
                    "values": plain(view.activations[label], DIGITS),
                }
                for label in view.ranked()[:most_labels]
            ],
        }


def inspect_file(
    lens: OnnxLens,
    source: Source,
    layers: Sequence[str] = (),
    *,
    rows: int = 64,
    columns: int = 300,
    detector: SilenceDetector | None = None,
    limits: DecodeLimits | None = None,
    decoders: DecoderPool | None = None,
    progress: Callable[[float], None] | None = None,
) -> Inspection:
    """Look into a trained model while it takes in `source`.

    rows, columns: of each heat map, at most; the strongest channels are kept. detector: for the curve of silence, which
    sound has. The other arguments, and what this raises, are those of `view_file`.
    """
    view = view_file(lens, source, layers, limits=limits, decoders=decoders, columns=columns, progress=progress)
    filters, spec = first_filters(lens), lens.spec.input
    responses = curve = None
    if isinstance(spec, AudioSpec):
        if filters is not None:
            responses = frequency_responses(filters.weights, spec.sample_rate)
        if detector is not None:
            curve = silence_curve(source, detector, limits, decoders).shortened(2 * columns)
    table = lens.table()
    in_order = {} if filters is None or responses is None else _in_order_of(filters, responses, table.layers)
    by_name = {layer.name: layer for layer in lens.mapped()}
    heats = [_heat(feature, by_name[feature.layer], rows, in_order.get(feature.layer)) for feature in view.features]
    return Inspection(spec, table, tuple(by_name), filters, responses, view, tuple(heats), curve)


def _in_order_of(
    filters: Filters, responses: FrequencyResponses, layers: Sequence[LayerCost]
) -> dict[str, NDArray[np.intp]]:
    """The layers whose channels are still those of the filters, each with the order of their pitch."""
    names = [layer.name for layer in layers]
    first = names.index(filters.layer)
    found = {}
    for layer in layers[first:]:
        mixes = layer.name != filters.layer and layer.parameters > 2 * len(filters.weights)  # more than a norm has
        if mixes or layer.output_shape[0] != len(filters.weights) or layer.axes is None:
            break
        found[layer.name] = responses.order
    return found


def _heat(feature: FeatureMap, layer: LayerCost, most_rows: int, order: NDArray[np.intp] | None) -> Heat:
    if feature.values.ndim > 2:
        return Heat(feature.layer, feature.channels[:most_rows], 1, feature.rms, feature.values[:most_rows])
    axis = (layer.axes or (1,))[0]
    # Rows that a network puts between channels and time make a picture of each channel.
    before, behind = int(np.prod(layer.output_shape[1:axis])), int(np.prod(layer.output_shape[axis + 1 :]))
    rows = before * behind
    pictures = feature.values.reshape(-1, rows, feature.values.shape[-1])
    strength = np.nan_to_num(np.square(pictures, dtype=np.float64)).mean(axis=(1, 2))
    kept = np.argsort(-strength, kind="stable")[: max(1, most_rows // rows)]
    channels = np.sort(kept) if order is None else order[np.isin(order, kept)]
    values = pictures[channels].reshape(-1, feature.values.shape[-1])
    return Heat(feature.layer, tuple(channels.tolist()), rows, feature.rms, values)
