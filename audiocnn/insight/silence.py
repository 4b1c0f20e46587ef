"""The silence detector over a whole file, beside the level that a fixed threshold would go by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.audio.decode import open_audio
from audiocnn.audio.prepare import mono_samples
from audiocnn.inference.silence import SilenceDetector
from audiocnn.insight.arrays import plain
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.source import Source

SAMPLE_RATE = 16_000
FRAME = 320
_WINDOW, _HOP = 200, 100


@dataclass(frozen=True, slots=True)
class SilenceCurve:
    """A value for every 20 ms of a file.

    times_s: the middle of each. likelihoods: of silence, from 0 to 1. levels_db: RMS level relative to full scale.
    """

    times_s: NDArray[np.float64]
    likelihoods: NDArray[np.float64]
    levels_db: NDArray[np.float64]

    def shortened(self, most: int) -> "SilenceCurve":
        """At most `most` values, each the mean of those it stands for."""
        if len(self.times_s) <= most:
            return self
        edges = np.linspace(0, len(self.times_s), most + 1).round().astype(int)

        def means(values: NDArray[np.float64]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = np.add.reduceat(values, edges[:-1]) / np.diff(edges)
            return found

        levels_db = 10 * np.log10(means(10 ** (self.levels_db / 10)))
        return SilenceCurve(means(self.times_s), means(self.likelihoods), levels_db)

    def to_json(self) -> dict[str, Any]:
        return {
            "times_s": plain(self.times_s),
            "likelihoods": plain(self.likelihoods),
            "levels_db": plain(self.levels_db),
        }


def silence_curve(
    source: Source,
    detector: SilenceDetector,
    limits: DecodeLimits | None = None,
    decoders: DecoderPool | None = None,
) -> SilenceCurve:
    """What `detector` says of each 20 ms of a file, from windows of 4 s every 2 s: the middle of each window counts.

    Raises what `open_audio` and `mono_samples` raise.
    """
    with open_audio(source, limits, decoders) as reader:
        sound = mono_samples(reader, SAMPLE_RATE, limits)[np.newaxis]
    count = -(-sound.shape[1] // FRAME)
    padded = np.pad(sound, ((0, 0), (0, count * FRAME - sound.shape[1])))
    likelihoods = np.zeros(count)
    for first in range(0, max(1, count - _WINDOW + _HOP), _HOP):
        start = max(0, min(first, count - _WINDOW))
        found = detector.frames(padded[:, start * FRAME : (start + _WINDOW) * FRAME], SAMPLE_RATE)[0]
        edge = _HOP // 2 if start else 0
        likelihoods[start + edge : start + len(found)] = found[edge:]
    powers = np.square(padded.reshape(count, FRAME).astype(np.float64)).mean(axis=1)
    return SilenceCurve((np.arange(count) + 0.5) * FRAME / SAMPLE_RATE, likelihoods, 10 * np.log10(powers + 1e-12))
