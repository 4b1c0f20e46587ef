"""Downmix and level normalisation: what turns any recording into comparable amplitudes.

`normalise_level` works on NumPy arrays and on torch tensors alike, through the methods both have, so that training on
a GPU and inference without torch share one definition.
"""

from typing import Any, TypeVar

import numpy as np

from audiocnn.spec import Normalisation
from audiocnn.waveform import Samples

Array = TypeVar("Array")

QUIETEST = 1e-5
"""Levels below this (-100 dB) are not raised to full level: digital silence stays silence."""


def downmix(samples: Samples) -> Samples:
    """The mean of all channels: `(channels, n)` to `(1, n)`."""
    if samples.shape[0] == 1:
        return samples
    # Channel by channel: for samples that lie interleaved, numpy's `mean` over so short an axis takes 40 times as long.
    mixed: Samples = samples[0] + samples[1]
    for channel in samples[2:]:
        mixed += channel
    mixed /= np.float32(len(samples))
    return mixed[np.newaxis]


def normalise_level(windows: Array, method: Normalisation) -> Array:
    """Each window `(..., samples)` at a common level; see `AudioSpec` for the methods."""
    x: Any = windows
    if method == "none":
        return windows
    if method == "standardise":
        x = x - x.mean(axis=-1, keepdims=True)
    if method == "peak":
        largest = abs(x)
        level = largest.amax(axis=-1, keepdims=True) if hasattr(x, "amax") else largest.max(axis=-1, keepdims=True)
    else:
        level = (x * x).mean(axis=-1, keepdims=True) ** 0.5
    return x / level.clip(min=QUIETEST)  # type: ignore[no-any-return]


def level_db(samples: Samples) -> float:
    """The RMS level in dB relative to full scale; -inf for digital silence."""
    mean_square = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10 * float(np.log10(mean_square)) if mean_square > 0 else -float("inf")
