"""The recipe of a denoiser: a TOML file whose keys are the fields of these records; an unknown key is an error."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from audiocnn.errors import ConfigError
from training.config import OptimConfig
from training.config.checks import MOST_DB, STEEPEST, check_fields, is_range
from training.config.reader import read_table, to_record

SAMPLE_RATE = 16_000


@dataclass(frozen=True, slots=True)
class DenoiserConfig:
    """The arguments of `audiocnn.models.denoiser.Denoiser`."""

    filter_length: int
    width: int


@dataclass(frozen=True, slots=True)
class DenoiseDataConfig:
    """Which recordings: `corpora` of `training.recordings.CORPORA`, and `longest_s`, seconds at most kept of each."""

    corpora: tuple[str, ...] = ("emotify",)
    longest_s: int = 30

    def __post_init__(self) -> None:
        check_fields("data.", self, ["longest_s"], lambda v: v >= 1, "at least 1")


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """What is to be taken out.

    snr_db: [lowest, highest] ratio of signal to noise in training. test_snr_db: the ratio of all recordings to validate
    and test on. colours: [lowest, highest] exponent a of the noise's power 1/f^a: 0 white, 1 pink, 2 brown.
    """

    snr_db: tuple[float, ...] = (-5.0, 15.0)
    test_snr_db: float = 5.0
    colours: tuple[float, ...] = (0.0, 2.0)

    def __post_init__(self) -> None:
        for name, most, unit in (("snr_db", MOST_DB, " dB"), ("colours", STEEPEST, "")):
            values = getattr(self, name)
            if not is_range(values, most):
                raise ConfigError(
                    f"noise.{name} must be [lowest, highest] from -{most} to {most}{unit}, got {list(values)}"
                )
        words = f"from -{MOST_DB} to {MOST_DB} dB"
        check_fields("noise.", self, ["test_snr_db"], lambda v: -MOST_DB <= v <= MOST_DB, words)


@dataclass(frozen=True, slots=True)
class DenoiseTrainConfig:
    """How to train: `steps` of AdamW, each on `batch_size` windows of `window_s` seconds.

    The other fields mean what they mean in `OptimConfig`.
    """

    steps: int = 2500
    window_s: float = 2.0
    batch_size: int = 8
    precision: Literal["float32", "bfloat16"] = "float32"
    lr: float = 2e-3
    warmup: float = 0.15
    weight_decay: float = 0.01
    clip_grad: float = 5.0
    ema: float = 0.995

    def __post_init__(self) -> None:
        check_fields("train.", self, ["steps"], lambda v: v >= 1, "at least 1")
        check_fields("train.", self, ["window_s"], lambda v: 0.1 <= v <= 600, "from 0.1 to 600 seconds")
        _ = self.optim  # checks the fields it has

    @property
    def window(self) -> int:
        """Samples of a window at `SAMPLE_RATE`."""
        return round(self.window_s * SAMPLE_RATE)

    @property
    def optim(self) -> OptimConfig:
        """The fields that `OptimConfig` has too."""
        own = dataclasses.asdict(self)
        return OptimConfig(**{f.name: own[f.name] for f in dataclasses.fields(OptimConfig) if f.name in own})


@dataclass(frozen=True, slots=True)
class DenoiseConfig:
    """A whole recipe."""

    name: str
    model: DenoiserConfig
    data: DenoiseDataConfig = field(default_factory=DenoiseDataConfig)
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    train: DenoiseTrainConfig = field(default_factory=DenoiseTrainConfig)

    def to_json(self) -> dict[str, Any]:
        """The recipe as plain JSON types."""
        return dataclasses.asdict(self)


def load_denoise_config(path: Path, overrides: Sequence[str] = ()) -> DenoiseConfig:
    """The recipe in a TOML file, with single keys replaced.

    Raises what `read_table` raises, and `ConfigError` for illegal keys or values.
    """
    return to_record(DenoiseConfig, read_table(path, overrides), str(path))
