"""Sound in training: mono int16 samples at the model's rate, random windows, level normalisation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.audio.decode import open_audio
from audiocnn.audio.normalise import normalise_level
from audiocnn.audio.prepare import mono_samples, windows
from audiocnn.prepared import Window
from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples
from training.augment.mixing import mix
from training.augment.sound import augment
from training.augment.speed import fast_length, resample
from training.config import AugmentConfig, OptimConfig
from training.data.decoder import Decoded
from training.data.manifest import Clip
from training.data.medium import Medium
from training.data.store import Store, cut

FULL_SCALE = 32767


class Sound(Medium):
    """See `Medium`. An item is a sample."""

    item_shape = ()
    dtype = np.dtype(np.int16)

    def __init__(self, spec: AudioSpec, augment: AugmentConfig) -> None:
        self._spec = spec
        self._augment = augment
        self._keep_level = spec.normalisation == "none"  # the network hears it, in training as in use
        self.settings = spec.sample_rate

    def decode(self, path: Path) -> Decoded:
        with open_audio(path) as reader:
            mono = mono_samples(reader, self._spec.sample_rate)
        peak = max(1.0, float(np.abs(mono).max()))  # float files may exceed full scale; clipping would change them
        samples: NDArray[np.int16] = (mono / peak * FULL_SCALE).round().astype(np.int16)
        return samples, reader.warnings

    def nearest_speed(self, speed: float) -> float:
        return self._length_at(speed) / self._spec.window

    def crops(self, store: Store, clips: Sequence[Clip], at: NDArray[np.float64], speed: float) -> Tensor:
        """Samples `(batch, n)`, int16; `augment` makes a window of any number of them."""
        return cut(store, clips, at, np.arange(self._length_at(speed)), wrap=self._spec.tail != "pad")

    def augment(self, windows: Tensor, random: Generator) -> Tensor:
        amplitudes = windows.float() / FULL_SCALE
        if amplitudes.shape[-1] != self._spec.window:
            amplitudes = resample(amplitudes, self._spec.window)
        return augment(amplitudes, self._augment, self._spec.sample_rate, random, keep_level=self._keep_level)

    def mix(self, windows: Tensor, targets: Tensor, config: OptimConfig, random: Generator) -> tuple[Tensor, Tensor]:
        return mix(windows, targets, config, self._spec.sample_rate, random, keep_level=self._keep_level)

    def model_input(self, windows: Tensor) -> Tensor:
        return normalise_level(windows, self._spec.normalisation)[:, None]

    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        return windows([samples_of(items)[np.newaxis]], self._spec)

    def _length_at(self, speed: float) -> int:
        window = self._spec.window
        return window if speed == 1 else fast_length(max(1, round(window * speed)))


def samples_of(items: NDArray[Any]) -> Samples:
    """Cached int16 samples as float32 amplitudes."""
    samples: Samples = items.astype(np.float32) / np.float32(FULL_SCALE)
    return samples
