"""One file through a trained model, window by window: scores, feature maps, and where each class was seen."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from audiocnn.insight.lens import Lens
from audiocnn.insight.maps import feature_layers
from audiocnn.insight.pictures import Pictures, pictures_of_video, pictures_of_window
from audiocnn.insight.timeline import Placed, evenly, join
from audiocnn.insight.view import FeatureMap, FileView, WindowScores
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.media import open_media
from audiocnn.nn.heads import Head, head_of
from audiocnn.nn.layer import LayerCost
from audiocnn.prepared import Window
from audiocnn.source import Source
from audiocnn.spec import AudioSpec, InputSpec, VideoSpec
from audiocnn.waveform import Segment

MAX_DURATION_S = 600
MAX_COLUMNS = 2000
"""Points in time of an activation; a feature map, which has many channels, has fewer."""
MAX_FEATURE_COLUMNS = 400
MAX_CHANNELS = 16

_Map = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the network made of one window; of sound the features of each layer are maps over time, of pictures
    `(channels, height, width)`."""

    segment: Segment | None
    scores: NDArray[np.float64]
    activations: Placed | None
    features: list[Placed]
    pictures: Pictures | None


def view_file(
    lens: Lens,
    source: Source,
    layers: Sequence[str] = (),
    *,
    hop_s: float | None = None,
    limits: DecodeLimits | None = None,
    decoders: DecoderPool | None = None,
    columns: int = MAX_FEATURE_COLUMNS,
    progress: Callable[[float], None] | None = None,
) -> FileView:
    """Show `source` to a trained model: what its main task makes of it.

    lens: the model, looked at with its own input. layers: whose feature maps to keep; one of each resolution by
    default. hop_s: seconds from one window of sound or video to the next, the model's own by default; a finer one gives
    more window scores. limits: what to refuse; more than ten minutes by default. decoders: see `audiocnn.media.opener`.
    columns: of feature maps of sound, at most. progress: called with the seconds seen so far; what it raises ends the
    call.
    Raises a `MediaError` for what is wrong with the file, `ConfigError` for a model without training, a layer that is
    not there and an illegal hop.
    """
    spec = lens.spec
    if spec is None:
        raise ConfigError(
            f"{lens.name} has random weights, and what they make of a file means nothing; name a bundled model or "
            "the directory of a trained one"
        )
    input_spec = spec.input if hop_s is None else _with_hop(spec.input, hop_s)
    where, shown = lens.activation_layer(), feature_layers(lens.mapped(), layers)
    look = _Look(lens, input_spec, head_of(spec.task), spec.task.kind == "binary", shown, where, columns)
    seen: list[_Seen] = []
    windows: list[WindowScores] = []
    span = Segment(0, 0, 1)
    with open_media(source, input_spec, limits or DecodeLimits(max_duration_s=MAX_DURATION_S), decoders) as prepared:
        for window in prepared.windows():
            if not window.silent:
                seen.append(look.at(window))
            if (segment := window.segment) is not None:
                span = Segment(0, max(span.end, segment.end), segment.sample_rate)
                scores = None if window.silent else seen[-1].scores
                windows.append(WindowScores(segment.start_s, segment.end_s, scores))
                if progress:
                    progress(segment.end_s)
        info, warnings = prepared.info, tuple(prepared.warnings)
    labels = spec.task.labels
    return FileView(
        info=info,
        warnings=warnings,
        labels=labels,
        scores=np.mean([s.scores for s in seen], axis=0) if seen else None,
        layer=None if where is None else where.name,
        activations=_activations(seen, input_spec, span, len(labels)),
        duration_s=span.end_s if windows else None,
        windows=tuple(windows),
        features=_features(seen, input_spec, span, shown, columns),
        pictures=_pictures(seen, span),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """What is kept of each window."""

    lens: Lens
    spec: InputSpec
    head: Head
    is_binary: bool
    shown: list[LayerCost]
    where: LayerCost | None
    columns: int

    def at(self, window: Window) -> _Seen:
        made = self.lens.maps(window.values, self.shown, self.where)
        placed = None
        if self.where is not None and made.activations is not None:
            activations = made.activations[: self.head.num_outputs]  # the main task's; its outputs come first
            if self.is_binary:
                # One output tells two labels apart: what speaks for one speaks against the other.
                activations = np.concatenate([-activations, activations])
            placed = _over_space(activations, self.where, self.spec)
        return _Seen(
            window.segment,
            self.head.answers(made.logits[np.newaxis, : self.head.num_outputs].astype(np.float64))[0],
            placed,
            [_bounded(made.features[layer.name], layer, window, self.spec, self.columns) for layer in self.shown],
            None if isinstance(self.spec, AudioSpec) else pictures_of_window(window, self.spec),
        )


def _with_hop(spec: InputSpec, hop_s: float) -> InputSpec:
    if isinstance(spec, AudioSpec):
        return dataclasses.replace(spec, hop=max(1, round(hop_s * spec.sample_rate)))
    if isinstance(spec, VideoSpec):
        return dataclasses.replace(spec, hop=max(1, round(hop_s * spec.frame_rate)))
    raise ConfigError(f"a hop needs sound or video, and this model takes one {spec.media} at a time; leave it out")


def _grid(layer: LayerCost) -> list[tuple[float, int]]:
    """For each axis of the input where the first position of the layer's map looks, and the step to the next."""
    return [(first, step) for first, (_, step) in zip(layer.first or (), layer.receptive_field or (), strict=True)]


def _over_space(activations: _Map, where: LayerCost, spec: InputSpec) -> Placed:
    """Activations spread evenly over the input, but for the axis of time, which the windows of a file share."""
    grid = _grid(where)
    for axis, (first, step) in enumerate(grid, start=1):
        if axis > 1 or not isinstance(spec, (AudioSpec, VideoSpec)):
            activations = evenly(activations, axis, first, step, spec.shape[axis])
    return Placed(activations, *grid[0])


def _bounded(feature: _Map, layer: LayerCost, window: Window, spec: InputSpec, columns: int) -> Placed:
    """A feature map small enough to be kept for each window of a long file."""
    first, step = _grid(layer)[0]
    if isinstance(spec, AudioSpec) and window.segment is not None:
        # A sound shorter than the window will have all the columns for its part of the map.
        most = math.ceil(columns * spec.window / window.segment.num_samples)
        return Placed(feature, first, step).shortened(most, rms=True)
    return Placed(feature if feature.ndim == 3 else feature[:, feature.shape[1] // 2], first, step)


def _over_time(seen: list[_Seen], parts: list[Placed], window: int, span: Segment, most: int, rms: bool) -> _Map:
    """The maps of all windows as one over the whole span, at their own resolution or, if that is finer, at `most`."""
    columns = min(most, max(1, round(span.end / parts[0].step)))
    each = max(1, math.ceil(columns * window / span.end))
    starts = [s.segment.start for s in seen if s.segment is not None]
    return join([part.shortened(each, rms=rms) for part in parts], starts, window, span.end, columns)


def _activations(seen: list[_Seen], spec: InputSpec, span: Segment, labels: int) -> _Map:
    parts = [s.activations for s in seen if s.activations is not None]
    if not parts:
        return np.full((labels, 1), np.nan)
    if not isinstance(spec, (AudioSpec, VideoSpec)):
        return parts[0].values
    return _over_time(seen, parts, spec.shape[1], span, MAX_COLUMNS, rms=False)


def _features(
    seen: list[_Seen], spec: InputSpec, span: Segment, shown: list[LayerCost], columns: int
) -> tuple[FeatureMap, ...]:
    found = []
    for i, layer in enumerate(shown if seen else ()):
        parts = [s.features[i] for s in seen]
        if isinstance(spec, AudioSpec):
            values = _over_time(seen, parts, spec.window, span, columns, rms=True)
            rms = round(span.end / _grid(layer)[0][1]) > columns
            found.append(FeatureMap(layer.name, tuple(range(len(values))), values, rms))
        else:
            middle = parts[len(parts) // 2].values
            strength = np.square(middle, dtype=np.float64).mean(axis=(1, 2))
            channels = np.sort(np.argsort(-strength, kind="stable")[:MAX_CHANNELS])
            found.append(FeatureMap(layer.name, tuple(channels.tolist()), middle[channels]))
    return tuple(found)


def _pictures(seen: list[_Seen], span: Segment) -> Pictures | None:
    parts = [s.pictures for s in seen if s.pictures is not None]
    spans = [(s.segment.start / span.end, s.segment.end / span.end) for s in seen if s.segment is not None]
    if not parts or not spans:
        return parts[0] if parts else None
    return pictures_of_video(parts, spans)
