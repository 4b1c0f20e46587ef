"""Changes a recording could have gone through without changing its label, on batches of waveforms `(batch, samples)`.

They run on the device of the batch. Speed is changed where the crops are cut (`training.data.sound`). Each window draws
its own amounts from `random`, so that a CPU and a GPU see the same ones; only the samples of noise come from torch.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from torch import Tensor

from audiocnn.audio.normalise import normalise_level
from training.augment.codec import encode
from training.augment.draws import chance, from_db, uniform
from training.augment.spectrum import change_spectrum
from training.config import AugmentConfig


def augment(
    windows: Tensor, config: AugmentConfig, sample_rate: int, random: Generator, *, keep_level: bool = False
) -> Tensor:
    """The windows after every step that `config` switches on.

    They leave at an RMS level around 1; with `keep_level`, for a network that hears levels, each at its own, which
    `gain_db` alone changes.
    """
    out = normalise_level(windows, "rms")
    gain: Tensor | float = 1.0
    if config.shift:
        out = shift(out, config.shift, random)
    if config.gain_db:
        gain = from_db(uniform(out, -config.gain_db, config.gain_db, random))
        out = out * gain
    if config.segment_gain_db:
        out = out * segment_gains(out, config.segment_gain_db, sample_rate, random)
    if config.soft_clip:
        out = torch.where(chance(out, config.soft_clip, random), soft_clip(out, random), out)
    out = change_spectrum(out, config, sample_rate, random)
    if config.noise_db and not config.noise_colours:
        out = normalise_level(out, "rms")
        amount = from_db(-uniform(out, config.noise_db[0], config.noise_db[1], random))
        out = out + torch.randn_like(out) * amount * chance(out, 0.5, random)
    if config.codec:
        out = encode(out, config.codec, sample_rate, random)
    if config.time_mask_ms:
        longest = config.time_mask_ms * sample_rate / 1000
        for _ in range(config.time_masks):
            out = out.masked_fill(spans(out, uniform(out, 0, longest, random), random), 0.0)
    if config.polarity:
        out = torch.where(chance(out, 0.5, random), -out, out)
    return normalise_level(out, "rms") * (rms(windows) * gain) if keep_level else out


def rms(windows: Tensor) -> Tensor:
    """The root mean square of each window, `(batch, 1)`."""
    return windows.square().mean(-1, keepdim=True).sqrt()


def shift(windows: Tensor, largest: float, random: Generator) -> Tensor:
    """Each window moved by up to the share `largest` of its length, either way; what leaves at one end enters at the
    other."""
    length = windows.shape[-1]
    moves = (random.uniform(-largest, largest, len(windows)) * length).round().astype(np.int64)
    starts = torch.from_numpy(-moves % length).to(windows.device)
    twice = torch.cat([windows, windows], dim=1).unfold(1, length, 1)  # a view: window after window
    return twice[torch.arange(len(windows), device=windows.device), starts]


def segment_gains(windows: Tensor, largest_db: float, sample_rate: int, random: Generator) -> Tensor:
    """Slow changes of level, `(batch, samples)`: a random gain at each second, straight lines in dB between."""
    length = windows.shape[-1]
    points = random.uniform(-largest_db, largest_db, (len(windows), 1, math.ceil(length / sample_rate) + 1))
    levels = torch.from_numpy(points.astype(np.float32)).to(windows.device)
    return from_db(F.interpolate(levels, size=length, mode="linear", align_corners=True)[:, 0])


def soft_clip(windows: Tensor, random: Generator) -> Tensor:
    """Saturation as in a loud master: tanh after a random gain of 0.3 to 3 times the window's RMS level."""
    drive = torch.exp(uniform(windows, math.log(0.3), math.log(3.0), random))
    return torch.tanh(windows * drive)


def spans(windows: Tensor, lengths: Tensor, random: Generator) -> Tensor:
    """True inside a span of each window, `(batch, samples)`, anywhere in it.

    lengths: in samples, `(batch, 1)`; one that is longer than the window covers all of it.
    """
    total = windows.shape[-1]
    lengths = lengths.round()
    starts = (uniform(windows, 0, 1, random) * (total - lengths)).round()
    time = torch.arange(total, device=windows.device)
    return (time >= starts) & (time < starts + lengths)
