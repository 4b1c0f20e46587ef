"""What every decoder offers: the facts of the header, then float32 blocks until the sound ends."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from audiocnn.waveform import Samples

BLOCK = 65_536
"""Samples per channel decoded at a time: 256 KiB of float32 a channel, so memory does not grow with the file."""


class AudioReader(ABC):
    """An opened audio file. While its blocks are read, `num_samples` counts those per channel that were decoded and
    checked, and `warnings` may grow."""

    def __init__(self, *, format: str, sample_rate: int, channels: int) -> None:
        self.format = format
        self.sample_rate = sample_rate
        self.channels = channels
        self.num_samples = 0
        self.warnings: list[str] = []

    @abstractmethod
    def blocks(self) -> Iterator[Samples]:
        """Float32 blocks of shape `(channels, n)`, `1 <= n <= BLOCK`, until the sound ends. Can be read once."""

    @abstractmethod
    def close(self) -> None:
        """Release the file."""
