"""The usual way: a 2D CNN on log-mel spectrograms, trained as long as the recipe trains its network."""

from collections.abc import Sequence

import librosa
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn

from audiocnn.audio.normalise import normalise_level
from audiocnn.models.small_resnet import SmallResNet
from audiocnn.nn.heads import Head, head_of
from audiocnn.spec import AudioSpec, TaskSpec
from audiocnn.waveform import Samples
from training.baselines.baseline import Baseline
from training.baselines.recordings import SAMPLE_RATE, Recordings
from training.config import Config
from training.data.manifest import Clip
from training.data.targets import targets_of
from training.metrics import Scores
from training.optim import learning_rate, make_optimizer, set_rate
from training.progress import track

_HOP = 512
_BANDS = 64
_WIDTH = 16

Spectrogram = NDArray[np.float32]


class MelCnn(Baseline):
    """`small-resnet` over 64 mel bands and time, 78,000 weights, on windows of the recipe's length.

    Epochs, crops, batch size, learning rates, weight decay and label smoothing are the recipe's; its augmentation,
    being of waveforms, and averaged weights are left out. Windows become the answer for a clip as the recipe's
    network has it.
    """

    def __init__(self, name: str, config: Config, recordings: Recordings) -> None:
        super().__init__(name, config, recordings)
        spec = config.input
        if not isinstance(spec, AudioSpec):
            raise TypeError(f"expected the input of sound, got {type(spec).__name__}")
        self._frames, self._step = (
            max(1, round(samples / spec.sample_rate * SAMPLE_RATE / _HOP)) for samples in (spec.window, spec.hop)
        )
        self._spectrograms = recordings.each(log_mel)

    def answers(self, train: Sequence[Clip], test: Sequence[Clip], task: TaskSpec) -> Scores:
        pictures = [self._spectrograms[clip.path] for clip in train]
        values = np.concatenate(pictures, axis=1)
        mean, deviation = values.mean(axis=1, keepdims=True), values.std(axis=1, keepdims=True) + 1e-5
        pictures = [(picture - mean) / deviation for picture in pictures]
        head = head_of(task)
        torch.manual_seed(self.config.seed)
        network = SmallResNet(head.num_outputs, width=_WIDTH, blocks=(1, 1, 1), stem_stride=2)
        self._fit(network, head, pictures, torch.from_numpy(targets_of(train, task)).float())
        unseen = [(self._spectrograms[clip.path] - mean) / deviation for clip in test]
        network.eval()
        with torch.inference_mode():
            logits = [network(self._tiles(picture)).double().numpy() for picture in unseen]
        return head.of_clips(np.concatenate(logits), np.array([len(rows) for rows in logits]))

    def _fit(self, network: nn.Module, head: Head, pictures: list[Spectrogram], targets: Tensor) -> None:
        settings, random = self.config.train, np.random.default_rng(self.config.seed)
        optimizer = make_optimizer(network, settings)
        size = min(settings.batch_size, len(pictures) * settings.crops_per_clip)
        steps = len(pictures) * settings.crops_per_clip // size
        for epoch in track(range(settings.epochs), "mel-cnn", settings.epochs):
            order = np.concatenate([random.permutation(len(pictures)) for _ in range(settings.crops_per_clip)])
            for step in range(steps):
                chosen = order[step * size : (step + 1) * size]
                x, wanted = self._crops([pictures[i] for i in chosen], random), targets[torch.from_numpy(chosen)]
                set_rate(optimizer, learning_rate(epoch * steps + step, settings.epochs * steps, settings))
                loss = head.loss(network(x), wanted, settings.label_smoothing)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), settings.clip_grad)
                optimizer.step()

    def _crops(self, pictures: list[Spectrogram], random: Generator) -> Tensor:
        """A window at a random place of each, `(batch, 1, bands, frames)`."""
        longer = [_at_least(picture, self._frames) for picture in pictures]
        starts = [int(random.integers(picture.shape[1] - self._frames + 1)) for picture in longer]
        cut = [picture[:, start : start + self._frames] for picture, start in zip(longer, starts, strict=True)]
        return torch.from_numpy(np.stack(cut)[:, np.newaxis])

    def _tiles(self, picture: Spectrogram) -> Tensor:
        """All windows of a clip, a hop apart, `(windows, 1, bands, frames)`."""
        longer = _at_least(picture, self._frames)
        starts = range(0, longer.shape[1] - self._frames + 1, self._step)
        return torch.from_numpy(np.stack([longer[:, s : s + self._frames] for s in starts])[:, np.newaxis])


def log_mel(samples: Samples) -> Spectrogram:
    """Log energies `(bands, frames)` in dB of a mono recording at `SAMPLE_RATE`; its level makes no difference."""
    y: Samples = normalise_level(samples, "rms")
    energies = librosa.feature.melspectrogram(y=y, sr=SAMPLE_RATE, hop_length=_HOP, n_mels=_BANDS)
    decibels: Spectrogram = librosa.power_to_db(energies).astype(np.float32)
    return decibels


def _at_least(picture: Spectrogram, frames: int) -> Spectrogram:
    """A clip shorter than a window, repeated until it fills one."""
    return np.tile(picture, (1, -(-frames // picture.shape[1])))[:, :frames] if picture.shape[1] < frames else picture
