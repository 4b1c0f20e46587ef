"""What lossy encoders leave of a sound, without running one.

Measured on 16 recordings through LAME, Vorbis and Opus at 40 to 110 kbit/s: the level of every band stays within half
a dB; above a limit, where there is one, nothing is left; below it every moment and band carries an error in proportion
to the sound there, about -20 dB up to 1 kHz, -11 at 2.5 kHz and -7 from 5 kHz up, give or take 5 with the bit rate.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from torch import Tensor

from training.augment.draws import from_db, uniform

_FRAME_S = 0.03
_LOW_HZ, _LOW_DB = 800.0, -20.0
_HIGH_HZ, _HIGH_DB = 5000.0, -7.0
_QUALITY_DB = 5.0
_LIMITS_HZ = (5000.0, 20_000.0)


def encode(windows: Tensor, probability: float, sample_rate: int, random: Generator) -> Tensor:
    """Windows `(batch, samples)`, each with `probability` as if it had been through an encoder of random quality."""
    chosen = np.flatnonzero(random.random(len(windows)) < probability)
    if not len(chosen):
        return windows
    rows = torch.from_numpy(chosen).to(windows.device)
    out = windows.clone()
    out[rows] = _encoded(windows[rows], sample_rate, random)
    return out


def _encoded(windows: Tensor, sample_rate: int, random: Generator) -> Tensor:
    """In frames that overlap by half, with a taper before and after whose square is a Hann window: they add up to 1."""
    hop = 2 ** round(math.log2(_FRAME_S * sample_rate)) // 2
    length = windows.shape[-1]
    taper = torch.hann_window(2 * hop, device=windows.device).sqrt()
    padded = F.pad(windows, (hop, hop + -length % hop))
    spectra = torch.fft.rfft(padded.unfold(1, 2 * hop, hop) * taper)
    frames = torch.fft.irfft(spectra * _factors(windows, spectra.shape, sample_rate, random)) * taper
    out = torch.zeros_like(padded)
    out[:, :-hop] += frames[:, :, :hop].flatten(1)
    out[:, hop:] += frames[:, :, hop:].flatten(1)
    return out[:, hop : hop + length]


def _factors(windows: Tensor, shape: torch.Size, sample_rate: int, random: Generator) -> Tensor:
    """What each value of the spectra `(batch, frames, frequencies)` is multiplied with: complex, close to 1 or 0."""
    frequencies = torch.linspace(0, sample_rate / 2, shape[-1], device=windows.device)
    octaves = (frequencies / _LOW_HZ).clamp(1, _HIGH_HZ / _LOW_HZ).log2()
    errors_db = _LOW_DB + (_HIGH_DB - _LOW_DB) / math.log2(_HIGH_HZ / _LOW_HZ) * octaves
    errors = from_db(errors_db + uniform(windows, -_QUALITY_DB, _QUALITY_DB, random))
    limits = torch.exp(uniform(windows, math.log(_LIMITS_HZ[0]), math.log(_LIMITS_HZ[1]), random))
    present = (frequencies < limits).float()
    # Real and imaginary part each have the variance of the error: half of the sum is lost where frames overlap.
    factors = torch.randn(*shape, 2, device=windows.device) * (errors * present)[:, None, :, None]
    factors[..., 0] += ((1 - errors**2).sqrt() * present)[:, None]  # the error replaces sound, so that levels stay
    return torch.view_as_complex(factors)
