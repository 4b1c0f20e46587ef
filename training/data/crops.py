"""Random windows of clips, the same for the same seed and step whatever happened before: resuming needs no history."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples
from training.config import Config
from training.data.cache import Cache
from training.data.manifest import Clip


class Crops:
    """The training batches of a run: `steps_per_epoch` of them, each `batch_size` windows over all processes."""

    def __init__(self, cache: Cache, clips: Sequence[Clip], labels: Sequence[str], config: Config) -> None:
        self._cache = cache
        self._clips = clips
        self._config = config
        self._targets = torch.zeros(len(clips), len(labels))
        for i, clip in enumerate(clips):
            for label in clip.labels:
                self._targets[i, labels.index(label)] = 1
        epoch_size = len(clips) * config.train.crops_per_clip
        self._batch_size = min(config.train.batch_size, epoch_size)
        self.steps_per_epoch = epoch_size // self._batch_size

    def batch(self, step: int, rank: int = 0, world_size: int = 1) -> tuple[Tensor, Tensor]:
        """This process's part of batch `step`: windows `(n, samples)` at their own level, targets `(n, labels)`.

        All windows of a batch share one random change of speed, so that they stay one array.
        """
        epoch, index = divmod(step, self.steps_per_epoch)
        order = self._order(epoch)[index * self._batch_size : (index + 1) * self._batch_size]
        random = np.random.default_rng((self._config.seed, 1, step))
        stretch = 1 + random.uniform(-1, 1) * self._config.augment.speed
        starts = random.random(len(order))
        mine = slice(rank, None, world_size)
        window = self._config.input.window
        wanted = max(1, round(window * stretch))
        crops = np.stack(
            [self._crop(self._clips[i], at, wanted) for i, at in zip(order[mine], starts[mine], strict=True)]
        )
        windows = torch.from_numpy(crops)
        if wanted != window:
            windows = torch.nn.functional.interpolate(windows[:, None], size=window, mode="linear")[:, 0]
        return windows, self._targets[order[mine]]

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """Every clip `crops_per_clip` times, each round in a new order."""
        random = np.random.default_rng((self._config.seed, 0, epoch))
        return np.concatenate([random.permutation(len(self._clips)) for _ in range(self._config.train.crops_per_clip)])

    def _crop(self, clip: Clip, at: float, wanted: int) -> Samples:
        length = self._cache.num_samples(clip)
        if length >= wanted:
            start = int(at * (length - wanted + 1))
            return self._cache.samples(clip, start, start + wanted)
        return _fill(self._cache.samples(clip), wanted, at, self._config.input)


def _fill(samples: Samples, wanted: int, at: float, spec: AudioSpec) -> Samples:
    """A window for a clip shorter than it, as `framing` would make it, but starting anywhere."""
    if spec.tail == "pad":
        before = int(at * (wanted - len(samples) + 1))
        return np.pad(samples, (before, wanted - len(samples) - before))
    return np.take(samples, np.arange(wanted) + int(at * len(samples)), mode="wrap")
