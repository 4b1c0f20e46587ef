"""Decoded clips at one rate, and the MFCC statistics of each, computed once for all folds."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import librosa
import numpy as np
from numpy.typing import NDArray

from audiocnn.audio.normalise import normalise_level
from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples
from training.config import AugmentConfig
from training.data.cache import open_cache
from training.data.manifest import Clip
from training.data.sound import Sound, samples_of
from training.progress import track

SAMPLE_RATE = 22_050
"""Hz; what librosa's features are usually taken at."""

_DELTA_FRAMES = 9

Value = TypeVar("Value")


class Recordings:
    """Clips as mono at `SAMPLE_RATE`, decoded once, in `cache`."""

    def __init__(self, clips: Sequence[Clip], cache_directory: Path, max_unreadable: float) -> None:
        """Raises `ConfigError` if a larger share than `max_unreadable` cannot be decoded."""
        sound = Sound(AudioSpec(SAMPLE_RATE, SAMPLE_RATE, SAMPLE_RATE), AugmentConfig())
        self.cache = open_cache(cache_directory, clips, sound, max_unreadable)
        self._readable = self.cache.readable(clips)

    def each(self, compute: Callable[[Samples], Value]) -> dict[Path, Value]:
        """What `compute` makes of the samples `(n,)` of every clip that could be decoded, by its path."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            values = pool.map(lambda clip: compute(samples_of(self.cache.items(clip))), self._readable)
            return dict(
                zip((c.path for c in self._readable), track(values, "features", len(self._readable)), strict=True)
            )


def mfcc_statistics(samples: Samples) -> NDArray[np.float64]:
    """Means and deviations over time of 20 MFCCs and their deltas, spectral contrast, rolloff and zero crossings.

    samples: mono `(n,)` at `SAMPLE_RATE`; their level makes no difference.
    """
    y: Samples = normalise_level(samples, "rms")
    mfcc = librosa.feature.mfcc(y=y, sr=SAMPLE_RATE, n_mfcc=20)
    edges = "interp" if mfcc.shape[1] >= _DELTA_FRAMES else "nearest"  # librosa's choice needs that many
    frames = np.concatenate(
        [
            mfcc,
            librosa.feature.delta(mfcc, width=_DELTA_FRAMES, mode=edges),
            librosa.feature.spectral_contrast(y=y, sr=SAMPLE_RATE),
            librosa.feature.spectral_rolloff(y=y, sr=SAMPLE_RATE),
            librosa.feature.zero_crossing_rate(y),
        ]
    )
    return np.concatenate([frames.mean(axis=1), frames.std(axis=1)])
