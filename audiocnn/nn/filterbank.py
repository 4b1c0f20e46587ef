"""A filterbank that is learned with the network behind it, and the log energies of its bands.

After Zeghidour et al. 2018, "Learning filterbanks from raw speech for phone recognition", section 2: filters that start
as Gabor waves on the mel scale and are trained with everything else, modulus, low-pass, log, normalisation per
recording. Deviations: real filters instead of complex ones, a plain mean as low-pass. Removing each filter's mean log
energy cancels whatever equaliser a recording went through, which is what lets a network hear past mastering and
encoders.
"""

import math

import torch
from torch import Tensor, nn

from audiocnn.nn.blocks import ConvNormAct, Pool
from audiocnn.nn.ndim import whole_number

FLOOR = 1e-3
"""Added before the log: amplitudes 60 dB below the window's RMS level are treated as silence."""
STEADY = 0.1
"""Added to the variance of log energies: a band that a codec cut away has almost none, and must not be blown up."""


class Energies(nn.Module):
    """`(batch, 1, samples)` to normalised log energies `(batch, num_filters, frames)`.

    sample_rate: Hz of the input, which places the first filters. num_filters, filter_length: how many filters, and of
    how many samples. stride: samples from one place of the filters to the next; an energy is the mean of several.
    frame_rate: energies a second. Raises `ConfigError` for illegal numbers, and in `forward` for input of another
    shape.
    """

    def __init__(
        self, sample_rate: int, num_filters: int, filter_length: int, *, stride: int = 16, frame_rate: int = 100
    ) -> None:
        super().__init__()
        whole_number(sample_rate, "sample_rate")
        whole_number(num_filters, "num_filters")
        whole_number(filter_length, "filter_length")
        whole_number(frame_rate, "frame_rate")
        self.filters = ConvNormAct(1, 1, num_filters, filter_length, stride=stride, norm=False, activation=None)
        with torch.no_grad():
            self.filters.conv.weight.copy_(gabor_filters(sample_rate, num_filters, filter_length))
        self.pool = Pool(1, "avg", max(1, round(sample_rate / frame_rate / stride)), ceil_mode=True)
        self.norm = NormOverTime(num_filters)

    def forward(self, waveform: Tensor) -> Tensor:
        out: Tensor = self.norm(self.levels(waveform))
        return out

    def levels(self, waveform: Tensor) -> Tensor:
        """The log energies as they are, before what is steady in them is taken away."""
        # As float32 also where the network computes in bfloat16, whose three digits the floor would drown in.
        return torch.log(self.pool(self.filters(waveform).abs()).float() + FLOOR)


class NormOverTime(nn.Module):
    """Each channel of each input at mean 0 and deviation 1 over time, then scaled and shifted by learned amounts."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1))
        self.shift = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        deviation = (centred.square().mean(-1, keepdim=True) + STEADY).sqrt()
        axes = (1,) * (x.ndim - 3)
        scale, shift = (p.reshape(-1, 1, *axes) for p in (self.scale, self.shift))
        return centred / deviation * scale + shift


def gabor_filters(sample_rate: int, num_filters: int, filter_length: int) -> Tensor:
    """Band-pass waves `(num_filters, 1, filter_length)` of unit energy to start training from.

    Centres lie evenly on the mel scale from 40 Hz to 95% of the Nyquist frequency; bandwidths follow Glasberg and Moore
    (1990), no narrower than the filter's length allows; cosines and sines alternate.
    """
    lowest, highest = (2595 * math.log10(1 + f / 700) for f in (40.0, 0.95 * sample_rate / 2))
    mels = torch.linspace(lowest, highest, num_filters)
    centres_hz = 700 * (10 ** (mels / 2595) - 1)
    bandwidths_hz = (24.7 * (4.37 * centres_hz / 1000 + 1)).clamp(min=sample_rate / filter_length)
    deviations = 1.2 * sample_rate / (2 * math.pi * bandwidths_hz)
    time = torch.arange(filter_length) - (filter_length - 1) / 2
    phases = math.pi / 2 * (torch.arange(num_filters) % 2)
    envelope = torch.exp(-0.5 * (time / deviations[:, None]) ** 2)
    waves = envelope * torch.cos(2 * math.pi * centres_hz[:, None] / sample_rate * time + phases[:, None])
    filters: Tensor = (waves / waves.norm(dim=1, keepdim=True))[:, None]
    return filters
