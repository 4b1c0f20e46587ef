"""The records of a file seen by a model, and their JSON."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.insight.arrays import plain
from audiocnn.insight.pictures import Pictures
from audiocnn.prediction import MediaInfo


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """The map of one layer: `(channels, columns)` over all of a sound, `(channels, height, width)` of a picture.

    channels: which of the layer's are shown: all for sound, the strongest for pictures.
    of video and volumes it is the slice in the middle.
    rms: whether a column is the root mean square of several positions, which has no sign.
    """

    layer: str
    channels: tuple[int, ...]
    values: NDArray[np.floating]
    rms: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"layer": self.layer, "channels": list(self.channels), "rms": self.rms, "values": plain(self.values)}


@dataclass(frozen=True, slots=True)
class WindowScores:
    """The scores of one window of sound or video for each label, None if it is silent."""

    start_s: float
    end_s: float
    scores: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class FileView:
    """What a model made of a file.

    scores: of the whole file for each label, None if all of it is silent.
    layer: where activations were taken, None if they are not known. activations: `(labels, *axes)` in logits (see
    `audiocnn.insight.torch_maps`), spread evenly over the file; of sound and video the first axis is time, and NaN
    where the file is silent or they are not known.
    duration_s: the span of that time; None for images and volumes.
    windows: in time order. pictures: None for sound.
    """

    info: MediaInfo
    warnings: tuple[str, ...]
    labels: tuple[str, ...]
    scores: NDArray[np.float64] | None
    layer: str | None
    activations: NDArray[np.floating]
    duration_s: float | None
    windows: tuple[WindowScores, ...]
    features: tuple[FeatureMap, ...]
    pictures: Pictures | None

    def times_s(self) -> NDArray[np.float64] | None:
        """The middle of each activation's time; None without time."""
        if self.duration_s is None:
            return None
        count = self.activations.shape[1]
        middles: NDArray[np.float64] = (np.arange(count) + 0.5) * self.duration_s / count
        return middles

    def curves(self) -> NDArray[np.float64]:
        """The activation of each label over time, or over the first axis: the mean over all others."""
        means: NDArray[np.float64] = self.activations.reshape(*self.activations.shape[:2], -1).mean(axis=2)
        return means

    def ranked(self) -> list[int]:
        """The labels by score, best first; in their own order if the file is silent."""
        if self.scores is None:
            return list(range(len(self.labels)))
        order: list[int] = np.argsort(-self.scores, kind="stable").tolist()
        return order

    def strongest_s(self, label: int) -> float | None:
        """When the activation of `label` was largest; None without time, or in silence."""
        times_s = self.times_s()
        if times_s is None or self.scores is None or self.layer is None:
            return None
        return float(times_s[np.nanargmax(self.curves()[label])])

    def to_json(self) -> dict[str, Any]:
        times_s = self.times_s()
        return {
            self.info.media: self.info.to_json(),
            "warnings": list(self.warnings),
            "scores": self._by_label(self.scores),
            "activation": self.layer
            and {
                "layer": self.layer,
                "unit": "logit",
                "times_s": None if times_s is None else plain(times_s),
                "labels": self._by_label(self.activations),
            },
            "windows": [
                {
                    "start_s": round(window.start_s, 6),
                    "end_s": round(window.end_s, 6),
                    "silent": window.scores is None,
                    "scores": self._by_label(window.scores),
                }
                for window in self.windows
            ],
            "features": [feature.to_json() for feature in self.features],
        }

    def _by_label(self, values: NDArray[np.floating] | None) -> dict[str, Any] | None:
        return None if values is None else dict(zip(self.labels, plain(values), strict=True))
