"""Faster and slower, with pitch and tempo alike: waveforms brought from one number of samples to another."""

from itertools import count

import torch
from torch import Tensor


def fast_length(samples: int) -> int:
    """`samples` or up to 1 % more: a length of which a Fourier transform is fast, as it has only small factors."""
    return next(length for length in count(samples) if _without_small_factors(length) == 1)


def _without_small_factors(number: int) -> int:
    for factor in (2, 3, 5, 7, 11, 13):
        while number % factor == 0:
            number //= factor
    return number


def resample(windows: Tensor, length: int) -> Tensor:
    """Windows `(batch, samples)` in `length` samples, without images and aliases: cut or filled up in frequency.

    Straight lines between samples would take 3 to 5 dB off the top octave of every window in training and put images
    there, which no recording in use has.
    """
    samples = windows.shape[-1]
    changed: Tensor = torch.fft.irfft(torch.fft.rfft(windows), n=length)
    return changed * (length / samples)
