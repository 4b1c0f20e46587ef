"""Changes that are products or sums over frequency: equaliser, band limits, coloured noise. One FFT serves them all."""

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from training.augment.draws import chance, from_db, uniform
from training.config import AugmentConfig

_EQ_POINTS = 10
_LOWEST_HZ = 30.0
_SLOPE_DB_PER_OCTAVE = 18.0
_AUDIBLE_HZ = 20.0


def change_spectrum(windows: Tensor, config: AugmentConfig, sample_rate: int, random: Generator) -> Tensor:
    """Windows `(batch, samples)` through another equaliser, microphone or codec, and with coloured noise, as `config`
    says; as they are if it switches all of that off."""
    filtering = bool(config.eq_db or config.low_pass or config.high_pass or config.band_mask)
    colouring = bool(config.noise_db and config.noise_colours)
    if not filtering and not colouring:
        return windows
    length = windows.shape[-1]
    frequencies = torch.fft.rfftfreq(length, 1 / sample_rate, device=windows.device)
    spectrum = torch.fft.rfft(windows)
    if filtering:
        spectrum = spectrum * filter_gains(windows, frequencies, config, sample_rate, random)
    if colouring:
        spectrum = spectrum + coloured_noise(spectrum, frequencies, config, random)
    changed: Tensor = torch.fft.irfft(spectrum, n=length)
    return changed


def filter_gains(
    windows: Tensor, frequencies: Tensor, config: AugmentConfig, sample_rate: int, random: Generator
) -> Tensor:
    """Factors `(batch, frequencies)`: a random smooth gain curve over log frequency with random limits and gaps."""
    points = _equaliser(len(windows), config.eq_db, random).to(windows.device)
    gains_db = points @ _between_points(frequencies, sample_rate)
    cutoff = torch.exp(uniform(windows, math.log(2500), math.log(max(2501, sample_rate / 2)), random))
    limited = chance(windows, config.low_pass, random)
    if config.low_pass:
        gains_db = gains_db - 150 * limited * (frequencies / cutoff - 1).clamp_(min=0)
    cutoff = torch.exp(uniform(windows, math.log(40), math.log(250), random))
    limited = chance(windows, config.high_pass, random)
    if config.high_pass:
        octaves = cutoff.log2() - frequencies.clamp(min=10).log2()
        gains_db = gains_db - _SLOPE_DB_PER_OCTAVE * limited * octaves.clamp_(min=0)
    if config.band_mask:
        mels = _mels(frequencies)
        for _ in range(config.band_masks):
            width = uniform(windows, 0, config.band_mask, random)
            lowest = uniform(windows, 0, 1, random) * (1 - width)
            gains_db = gains_db.masked_fill((mels >= lowest * mels[-1]) & (mels < (lowest + width) * mels[-1]), -60)
    return from_db(gains_db.clamp_(-60, 40))


def _mels(frequencies: Tensor) -> Tensor:
    return torch.log10(1 + frequencies / 700)


def _equaliser(batch: int, eq_db: float, random: Generator) -> Tensor:
    """Gains in dB `(batch, points)` at points evenly over log frequency, each random, and a random tilt over all."""
    tilt = random.uniform(-eq_db, eq_db, (batch, 1)) * np.linspace(-1, 1, _EQ_POINTS)
    return torch.from_numpy((random.normal(0, eq_db / 2, (batch, _EQ_POINTS)) + tilt).astype(np.float32))


def _between_points(frequencies: Tensor, sample_rate: int) -> Tensor:
    """Each point's share in each frequency, `(points, frequencies)`: straight lines between the points."""
    octaves = torch.log2(frequencies.clamp(min=_LOWEST_HZ) / _LOWEST_HZ) / math.log2(sample_rate / 2 / _LOWEST_HZ)
    points = torch.arange(_EQ_POINTS, device=frequencies.device)[:, None]
    return (1 - (octaves * (_EQ_POINTS - 1) - points).abs()).clamp(min=0)


def coloured_noise(spectrum: Tensor, frequencies: Tensor, config: AugmentConfig, random: Generator) -> Tensor:
    """The spectrum of noise for each window of a `spectrum` `(batch, frequencies)`, at its ratio to that window.

    Its power falls as 1/f^a, with a random a from the range `noise_colours`, and is even below 20 Hz, so that brown
    noise is not all rumble. Every second window, at random, gets none.
    """
    exponents = uniform(spectrum, config.noise_colours[0], config.noise_colours[1], random)
    ratios = from_db(-uniform(spectrum, config.noise_db[0], config.noise_db[1], random)) * chance(spectrum, 0.5, random)
    octaves = (frequencies / _AUDIBLE_HZ).clamp(min=1).log2()
    shape = torch.exp2(-exponents / 2 * octaves)
    noise = torch.view_as_complex(torch.randn(*spectrum.shape, 2, device=spectrum.device)) * shape
    noise[:, 0] = 0
    return noise * (ratios * (_power(spectrum) / _power(noise)).sqrt())


def _power(spectrum: Tensor) -> Tensor:
    """Of each window, `(batch, 1)`, up to a factor that they share."""
    return torch.view_as_real(spectrum).square().sum((1, 2))[:, None]
