"""Changes a recording could have gone through without changing its label, on batches of waveforms `(batch, samples)`.

They run on the device of the batch. Speed is changed where the crops are cut (`training.data.crops`). Each window draws
its own amounts from `random`, so that a CPU and a GPU see the same ones; only the samples of the noise come from torch.
"""

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from audiocnn.audio.normalise import normalise_level
from training.config import AugmentConfig

_EQ_POINTS = 10
_LOWEST_HZ = 30.0
_SLOPE_DB_PER_OCTAVE = 18.0


def augment(windows: Tensor, config: AugmentConfig, sample_rate: int, random: Generator) -> Tensor:
    """The windows after every step that `config` switches on. They leave at an RMS level around 1."""
    out = normalise_level(windows, "rms")
    if config.gain_db:
        out = out * _db(_uniform(out, -config.gain_db, config.gain_db, random))
    if config.soft_clip:
        out = torch.where(_chance(out, config.soft_clip, random), soft_clip(out, random), out)
    if config.eq_db or config.low_pass or config.high_pass:
        out = filter_randomly(out, config, sample_rate, random)
    if config.noise_db:
        out = normalise_level(out, "rms")
        amount = _db(-_uniform(out, config.noise_db[0], config.noise_db[1], random))
        out = out + torch.randn_like(out) * amount * _chance(out, 0.5, random)
    if config.polarity:
        out = torch.where(_chance(out, 0.5, random), -out, out)
    return out


def soft_clip(windows: Tensor, random: Generator) -> Tensor:
    """Saturation as in a loud master: tanh after a random gain of 0.3 to 3 times the window's RMS level."""
    drive = torch.exp(_uniform(windows, math.log(0.3), math.log(3.0), random))
    return torch.tanh(windows * drive)


def filter_randomly(windows: Tensor, config: AugmentConfig, sample_rate: int, random: Generator) -> Tensor:
    """Another equaliser, microphone or codec: a random smooth gain curve over log frequency with random band limits."""
    length = windows.shape[-1]
    frequencies = torch.fft.rfftfreq(length, 1 / sample_rate)
    gain_db = _equaliser(len(windows), frequencies, sample_rate, config.eq_db, random)
    cutoff = torch.exp(_uniform(windows, math.log(2500), math.log(max(2501, sample_rate / 2)), random)).cpu()
    steep = 150 * ((frequencies - cutoff) / cutoff).clamp(min=0)
    gain_db = gain_db - steep * _chance(windows, config.low_pass, random).cpu()
    cutoff = torch.exp(_uniform(windows, math.log(40), math.log(250), random)).cpu()
    slope = _SLOPE_DB_PER_OCTAVE * torch.log2(cutoff / frequencies.clamp(min=10)).clamp(min=0)
    gain_db = gain_db - slope * _chance(windows, config.high_pass, random).cpu()
    gains = _db(gain_db.clamp(-60, 40)).to(windows.device)
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(windows) * gains, n=length)
    return filtered


def _equaliser(batch: int, frequencies: Tensor, sample_rate: int, eq_db: float, random: Generator) -> Tensor:
    """Gains in dB `(batch, frequencies)`: random points evenly over log frequency, a random tilt, lines between."""
    tilt = random.uniform(-eq_db, eq_db, (batch, 1)) * np.linspace(-1, 1, _EQ_POINTS)
    points = torch.from_numpy((random.normal(0, eq_db / 2, (batch, _EQ_POINTS)) + tilt).astype(np.float32))
    octaves = torch.log2(frequencies.clamp(min=_LOWEST_HZ) / _LOWEST_HZ) / math.log2(sample_rate / 2 / _LOWEST_HZ)
    position = octaves * (_EQ_POINTS - 1)
    left = position.floor().clamp(0, _EQ_POINTS - 2).long()
    share = position - left
    return points[:, left] * (1 - share) + points[:, left + 1] * share


def mix(windows: Tensor, targets: Tensor, alpha: float, random: Generator) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): each window blended with another of the batch, its target likewise.

    Windows are brought to one level first, so that the shares in the sound are those in the target.
    """
    share = torch.from_numpy(random.beta(alpha, alpha, (len(windows), 1)).astype(np.float32)).to(windows.device)
    partner = torch.from_numpy(random.permutation(len(windows))).to(windows.device)
    windows = normalise_level(windows, "rms")
    return share * windows + (1 - share) * windows[partner], share * targets + (1 - share) * targets[partner]


def _db(value: Tensor) -> Tensor:
    return torch.pow(10.0, value / 20)


def _uniform(windows: Tensor, low: float, high: float, random: Generator) -> Tensor:
    """One number for each window, `(batch, 1)`."""
    return torch.from_numpy(random.uniform(low, high, (len(windows), 1)).astype(np.float32)).to(windows.device)


def _chance(windows: Tensor, probability: float, random: Generator) -> Tensor:
    """True for each window with `probability`, `(batch, 1)`."""
    return torch.from_numpy(random.random((len(windows), 1)) < probability).to(windows.device)
