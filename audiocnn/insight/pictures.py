"""What the model saw of an image, a video or a volume, as pictures to draw activations over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocnn.prepared import Window
from audiocnn.spec import ImageSpec, VideoSpec, VolumeSpec

MOST = 8


@dataclass(frozen=True, slots=True)
class Pictures:
    """Model input made visible again: `values` uint8 `(pictures, height, width, channels)`.

    places: for each picture a number from 0 to 1, how far along the file's time or depth it lies.
    """

    values: NDArray[np.uint8]
    places: NDArray[np.float64]


def pictures_of_window(window: Window, spec: ImageSpec | VideoSpec | VolumeSpec) -> Pictures:
    """An image itself, or at most eight frames or slices spread over the first axis of a window."""
    values = window.values if spec.ndim == 3 else window.values[:, np.newaxis]
    # The middles of as many equal parts.
    count = min(MOST, values.shape[1])
    places = (np.arange(count) + 0.5) / count
    shown = values[:, (places * values.shape[1]).astype(int)]
    brightness = (shown * spec.deviation + spec.mean).clip(0, 1)
    return Pictures((255 * brightness).round().astype(np.uint8).transpose(1, 2, 3, 0), places)


def pictures_of_video(parts: Sequence[Pictures], spans: Sequence[tuple[float, float]]) -> Pictures:
    """At most eight pictures spread over a video, from those of its windows; spans: where those lie, from 0 to 1."""
    places = np.concatenate(
        [start + part.places * (end - start) for part, (start, end) in zip(parts, spans, strict=True)]
    )
    values = np.concatenate([part.values for part in parts])
    count = min(MOST, len(places))
    wanted = (np.arange(count) + 0.5) / count
    chosen = np.unique(np.abs(places[:, np.newaxis] - wanted).argmin(axis=0))
    chosen = chosen[np.argsort(places[chosen], kind="stable")]
    return Pictures(values[chosen], places[chosen])
