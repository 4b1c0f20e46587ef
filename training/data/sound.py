"""Sound in training: mono int16 samples at the model's rate, random windows, level normalisation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.audio.decode import open_audio
from audiocnn.audio.normalise import normalise_level
from audiocnn.audio.prepare import mono_blocks, windows
from audiocnn.errors import EmptyAudioError
from audiocnn.prepared import Window
from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples
from training.augment.mixing import mix
from training.augment.sound import augment
from training.augment.speed import fast_length, resample
from training.config import AugmentConfig, OptimConfig
from training.data.cache import Cache
from training.data.manifest import Clip
from training.data.medium import Medium

FULL_SCALE = 32767


class Sound(Medium):
    """See `Medium`. An item is a sample."""

    item_shape = ()
    dtype = np.dtype(np.int16)

    def __init__(self, spec: AudioSpec, augment: AugmentConfig) -> None:
        self._spec = spec
        self._augment = augment
        self.settings = spec.sample_rate

    def decode(self, path: Path) -> NDArray[np.int16]:
        with open_audio(path) as reader:
            blocks = mono_blocks(reader, self._spec.sample_rate)
            mono = np.concatenate([np.empty((1, 0), np.float32), *blocks], axis=1)[0]
        if not len(mono):
            raise EmptyAudioError("shorter than one sample at the model's rate")
        peak = max(1.0, float(np.abs(mono).max()))  # float files may exceed full scale; clipping would change them
        samples: NDArray[np.int16] = (mono / peak * FULL_SCALE).round().astype(np.int16)
        return samples

    def crops(self, cache: Cache, clips: Sequence[Clip], at: NDArray[np.float64], stretch: float) -> Tensor:
        """Windows `(batch, samples)` at their own level."""
        wanted = self._spec.window if stretch == 1 else fast_length(max(1, round(self._spec.window * stretch)))
        cut = np.stack([self._crop(cache, clip, start, wanted) for clip, start in zip(clips, at, strict=True)])
        batch = torch.from_numpy(cut)
        if wanted != self._spec.window:
            batch = resample(batch, self._spec.window)
        return batch

    def augment(self, windows: Tensor, random: Generator) -> Tensor:
        return augment(windows, self._augment, self._spec.sample_rate, random)

    def mix(self, windows: Tensor, targets: Tensor, config: OptimConfig, random: Generator) -> tuple[Tensor, Tensor]:
        return mix(windows, targets, config, self._spec.sample_rate, random)

    def model_input(self, windows: Tensor) -> Tensor:
        return normalise_level(windows, self._spec.normalisation)[:, None]

    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        return windows([samples_of(items)[np.newaxis]], self._spec)

    def _crop(self, cache: Cache, clip: Clip, at: float, wanted: int) -> Samples:
        length = cache.num_items(clip)
        if length >= wanted:
            start = int(at * (length - wanted + 1))
            return samples_of(cache.items(clip, start, start + wanted))
        return _fill(samples_of(cache.items(clip)), wanted, at, self._spec)


def samples_of(items: NDArray[Any]) -> Samples:
    """Cached int16 samples as float32 amplitudes."""
    samples: Samples = items.astype(np.float32) / np.float32(FULL_SCALE)
    return samples


def _fill(samples: Samples, wanted: int, at: float, spec: AudioSpec) -> Samples:
    """A window for a clip shorter than it, as `framing` would make it, but starting anywhere."""
    if spec.tail == "pad":
        before = int(at * (wanted - len(samples) + 1))
        return np.pad(samples, (before, wanted - len(samples) - before))
    return np.take(samples, np.arange(wanted) + int(at * len(samples)), mode="wrap")
