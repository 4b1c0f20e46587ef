"""Noisy music to learn from: pieces of recordings with coloured noise at a known ratio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from audiocnn.errors import ConfigError
from audiocnn.waveform import Samples
from training.denoise.config import SAMPLE_RATE, NoiseConfig
from training.noise import coloured, unit

_QUIETEST_DB = -60.0
_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Example:
    """`noisy` is `clean` plus noise; both `(samples,)` or `(batch, samples)`, `clean` at RMS level 1."""

    clean: Samples
    noisy: Samples


def with_noise(clean: Samples, snr_db: float, colours: tuple[float, ...], random: Generator) -> Example:
    """A recording `(samples,)` brought to RMS level 1, with noise `snr_db` below it.

    colours: the range of the exponent a of the noise, whose power falls as 1/f^a.
    """
    level, (lowest, highest) = unit(clean), colours
    noise = coloured(len(level), SAMPLE_RATE, random, random.uniform(lowest, highest))
    return Example(level, level + noise * np.float32(10 ** (-snr_db / 20)))


def draw(recordings: Sequence[Samples], num_samples: int, noise: NoiseConfig, random: Generator) -> Example:
    """A window of one of the recordings, none of digital silence, with noise as in training.

    A recording shorter than the window gives all it has.
    Raises `ConfigError` if there is next to nothing but silence.
    """
    lowest_db, highest_db = noise.snr_db
    for _ in range(_TRIES):
        recording = recordings[int(random.integers(len(recordings)))]
        start = random.integers(max(1, len(recording) - num_samples + 1))
        piece = recording[start : start + num_samples]
        if np.mean(np.square(piece)) > 10 ** (_QUIETEST_DB / 10):
            clean = np.pad(piece, (0, num_samples - len(piece)))
            return with_noise(clean, random.uniform(lowest_db, highest_db), noise.colours, random)
    raise ConfigError(f"of {_TRIES} windows none was louder than {_QUIETEST_DB:g} dB; are the recordings silent?")
