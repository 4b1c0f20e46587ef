"""The filters of the first layer, and what a filter on sound does to each frequency."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.insight.arrays import plain
from audiocnn.insight.lens import Lens

_CONVOLUTIONS = {"Conv1d", "Conv2d", "Conv3d", "LiftingConv", "GroupConv"}
FLOOR_DB = -120.0
BAND, BAND_HZ = 1.5, 60.0
"""A filter's band: up to so many times, and to so many Hz, from where it is most sensitive, whichever is wider."""
_MIN_BINS = 512


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters that meet the input.

    layer: its path in the network. weights: `(filters, channels, *kernel)`. trained: False for random weights.
    """

    layer: str
    weights: NDArray[np.float32]
    trained: bool

    def to_json(self) -> dict[str, Any]:
        return {"layer": self.layer, "trained": self.trained, "weights": plain(self.weights)}


@dataclass(frozen=True, slots=True)
class FrequencyResponses:
    """How strongly each filter passes each frequency.

    frequencies_hz: from 0 to half the sample rate. gains_db: `(filters, frequencies)`, 0 dB where a sine comes out as
    large as it went in, never below `FLOOR_DB`. centres_hz: where each filter is most sensitive.
    outside: which share of what each filter lets through of white noise is not in its band (`BAND`), from 0 to 1.
    order: the filters by centre, lowest first: the order in which papers show them, as one has no meaning.
    """

    frequencies_hz: NDArray[np.float64]
    gains_db: NDArray[np.float64]
    centres_hz: NDArray[np.float64]
    outside: NDArray[np.float64]
    order: NDArray[np.intp]

    def shortened(self, most: int) -> "FrequencyResponses":
        """The same at no more than `most` of the frequencies, evenly spread."""
        chosen = np.linspace(0, len(self.frequencies_hz) - 1, min(most, len(self.frequencies_hz))).round().astype(int)
        return replace(self, frequencies_hz=self.frequencies_hz[chosen], gains_db=self.gains_db[:, chosen])

    def to_json(self) -> dict[str, Any]:
        return {
            "frequencies_hz": plain(self.frequencies_hz),
            "gains_db": plain(self.gains_db),
            "centres_hz": plain(self.centres_hz),
            "outside": plain(self.outside),
            "order": self.order.tolist(),
        }


def first_filters(lens: Lens) -> Filters | None:
    """The filters of the first convolution or, without one, the rows of the first linear layer in the input's shape.

    None if neither comes first.
    """
    shape, trained = lens.shape, lens.spec is not None
    for layer in lens.table().layers:
        if layer.kind in _CONVOLUTIONS:
            weights = lens.weight(layer.name)
            kernel = weights.shape[1 - len(shape) :]
            # What a network puts between channels and the input's axes, rows or planes of one position, goes away.
            return Filters(layer.name, weights.reshape(len(weights), -1, *kernel), trained)
        if layer.kind == "Linear":
            weights = lens.weight(layer.name)
            if weights.shape[1] != math.prod(shape):
                return None
            return Filters(layer.name, weights.reshape(-1, *shape), trained)
    return None


def frequency_responses(weights: NDArray[np.floating], sample_rate: int) -> FrequencyResponses:
    """What filters `(filters, channels, samples)` on sound at `sample_rate` Hz do to each frequency.

    The response is the filter's Fourier transform, padded with zeros to at least 512 frequencies; that of several
    channels is the root of their summed squares.
    """
    length = 2 * max(_MIN_BINS, 2 ** math.ceil(math.log2(weights.shape[-1])))
    spectra = np.abs(np.fft.rfft(weights.astype(np.float64), length, axis=-1))
    gains: NDArray[np.float64] = np.sqrt((spectra**2).sum(axis=1))
    frequencies_hz = np.arange(length // 2 + 1) * sample_rate / length
    centres_hz = frequencies_hz[gains.argmax(axis=-1)]
    gains_db = 20 * np.log10(np.maximum(gains, 10 ** (FLOOR_DB / 20)))
    order = np.argsort(centres_hz, kind="stable")
    return FrequencyResponses(frequencies_hz, gains_db, centres_hz, _outside(gains, frequencies_hz, centres_hz), order)


def _outside(
    gains: NDArray[np.float64], frequencies_hz: NDArray[np.float64], centres_hz: NDArray[np.float64]
) -> NDArray[np.float64]:
    centres = centres_hz[:, np.newaxis]
    lowest, highest = np.minimum(centres / BAND, centres - BAND_HZ), np.maximum(centres * BAND, centres + BAND_HZ)
    power = gains**2
    stray = np.where((frequencies_hz < lowest) | (frequencies_hz > highest), power, 0.0).sum(axis=-1)
    total = power.sum(axis=-1)
    shares: NDArray[np.float64] = stray / np.where(total > 0, total, 1.0)  # a filter of zeros lets nothing through
    return shares
