"""Images, videos and volumes in training: decoded at the model's size, cut in time where there is time."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.prepared import Window
from audiocnn.spec import ImageSpec, VideoSpec, VolumeSpec
from audiocnn.visual import image, video, volume
from audiocnn.visual.fit import brightness, normalise_brightness
from training.augment.visual import augment, mixup
from training.config import OptimConfig, VisualAugmentConfig
from training.data.decoder import Decoded
from training.data.manifest import Clip
from training.data.medium import Medium
from training.data.store import Store, cut


class _Visual(Medium):
    """What the three have in common; see `Medium`."""

    def __init__(self, spec: ImageSpec | VideoSpec | VolumeSpec, augment: VisualAugmentConfig) -> None:
        self._spec = spec
        self._augment = augment
        self.settings = [spec.media, self.item_shape, spec.fit]

    def augment(self, windows: Tensor, random: Generator) -> Tensor:
        values = brightness(windows) if windows.dtype == torch.uint8 else windows
        return augment(values, self._augment, random, video=self._spec.media == "video")

    def mix(self, windows: Tensor, targets: Tensor, config: OptimConfig, random: Generator) -> tuple[Tensor, Tensor]:
        return mixup(windows, targets, config.mixup, random) if config.mixup else (windows, targets)

    def model_input(self, windows: Tensor) -> Tensor:
        return normalise_brightness(windows, self._spec.mean, self._spec.deviation)


class _Still(_Visual):
    """A clip is one item, and the item is the window."""

    def crops(self, store: Store, clips: Sequence[Clip], at: NDArray[np.float64], speed: float) -> Tensor:
        """Items `(batch, channels, *axes)`."""
        return cut(store, clips, at, np.zeros(1, np.int64), wrap=False)[:, 0]

    def decode(self, path: Path) -> Decoded:
        item, warnings = self._read(path)
        return item[np.newaxis], warnings

    @abstractmethod
    def _read(self, path: Path) -> Decoded:
        """The one item of a file, without the first axis. Raises a `MediaError`."""


class Images(_Still):
    """An item is a picture, uint8 `(channels, height, width)`."""

    dtype = np.dtype(np.uint8)

    def __init__(self, spec: ImageSpec, augment: VisualAugmentConfig) -> None:
        self.item_shape = spec.shape
        self._image_spec = spec
        super().__init__(spec, augment)

    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        return image.windows(items[0], self._image_spec)

    def _read(self, path: Path) -> Decoded:
        with image.open_image(path, self._image_spec) as opened:
            return opened.pixels, opened.warnings


class Volumes(_Still):
    """An item is a volume from 0 to 1, float32 `(channels, depth, height, width)`."""

    dtype = np.dtype(np.float32)

    def __init__(self, spec: VolumeSpec, augment: VisualAugmentConfig) -> None:
        self.item_shape = spec.shape
        self._volume_spec = spec
        super().__init__(spec, augment)
        self.settings = [*self.settings, spec.low, spec.high]

    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        return volume.windows(items[0], self._volume_spec)

    def _read(self, path: Path) -> Decoded:
        with volume.open_volume(path, self._volume_spec) as opened:
            return opened.voxels, opened.warnings


class Videos(_Visual):
    """An item is a frame, uint8 `(channels, height, width)`."""

    dtype = np.dtype(np.uint8)

    def __init__(self, spec: VideoSpec, augment: VisualAugmentConfig) -> None:
        self.item_shape = (spec.channels, spec.height, spec.width)
        self._video_spec = spec
        super().__init__(spec, augment)
        self.settings = [*self.settings, spec.frame_rate]

    def decode(self, path: Path) -> Decoded:
        with video.open_video(path, self._video_spec) as opened:
            return np.concatenate([np.moveaxis(block, 1, 0) for block in opened.blocks()]), opened.warnings

    def crops(self, store: Store, clips: Sequence[Clip], at: NDArray[np.float64], speed: float) -> Tensor:
        """Windows `(batch, channels, frames, height, width)`; a faster one leaves frames out, a slower one repeats."""
        steps = np.floor(np.arange(self._video_spec.frames) * speed).astype(np.int64)
        return cut(store, clips, at, steps, wrap=self._video_spec.tail != "pad").transpose(1, 2)

    def windows(self, items: NDArray[Any]) -> Iterator[Window]:
        return video.windows([np.moveaxis(items, 0, 1)], self._video_spec)
