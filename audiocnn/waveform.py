"""Sound as numbers: `Waveform` and `Segment`, in integer samples; seconds are derived."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Waveform:
    """Amplitudes of a sound.

    `samples` is float32 of shape `(channels, num_samples)`, full scale at -1 and 1; `sample_rate` is in Hz.
    Raises `ConfigError` for another shape or type.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            raise ConfigError(
                "samples must be float32 of shape (channels, num_samples), "
                f"got {self.samples.dtype} of shape {self.samples.shape}; a mono array x becomes x[np.newaxis]"
            )
        if self.sample_rate <= 0:
            raise ConfigError(f"sample_rate must be a positive number of Hz, got {self.sample_rate}")

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def num_samples(self) -> int:
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        return self.num_samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class Segment:
    """The half-open span `[start, end)` of a waveform, in samples at `sample_rate` Hz."""

    start: int
    end: int
    sample_rate: int

    @property
    def num_samples(self) -> int:
        return self.end - self.start

    @property
    def start_s(self) -> float:
        return self.start / self.sample_rate

    @property
    def end_s(self) -> float:
        return self.end / self.sample_rate
