"""Noisy music to learn from: pieces of recordings with coloured noise at a known ratio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from audiocnn.waveform import Samples
from training.noise import coloured, unit

SAMPLE_RATE = 16_000
COLOURS = (0.0, 2.0)
"""The range of the exponent a of noise whose power falls as 1/f^a: from white over pink to brown."""

_QUIETEST_DB = -60.0


@dataclass(frozen=True, slots=True)
class Example:
    """`noisy` is `clean` plus noise; both `(samples,)` or `(batch, samples)`, `clean` at RMS level 1."""

    clean: Samples
    noisy: Samples


def with_noise(clean: Samples, snr_db: float, random: Generator) -> Example:
    """A recording `(samples,)` brought to RMS level 1, with noise of a random colour `snr_db` below it."""
    level = unit(clean)
    noise = coloured(len(level), SAMPLE_RATE, random, random.uniform(*COLOURS))
    return Example(level, level + noise * np.float32(10 ** (-snr_db / 20)))


def draw(recordings: Sequence[Samples], num_samples: int, snr_db: tuple[float, float], random: Generator) -> Example:
    """A window of one of the recordings, none of them digital silence, at a random ratio from the range `snr_db`.

    A recording shorter than the window gives all it has.
    """
    while True:
        recording = recordings[int(random.integers(len(recordings)))]
        start = random.integers(max(1, len(recording) - num_samples + 1))
        piece = recording[start : start + num_samples]
        if np.mean(np.square(piece)) > 10 ** (_QUIETEST_DB / 10):
            return with_noise(np.pad(piece, (0, num_samples - len(piece))), random.uniform(*snr_db), random)
