"""A learned filterbank and a residual 1D CNN over its energies: the network of the bundled genre model.

    waveform (batch, 1, samples)
      conv        num_filters of filter_length samples, stride 16            learned; starts as band-pass waves
      energy      |x|, mean over 10 ms, log, each filter's mean and deviation over time removed
      conv k3     width, norm, ReLU
      residual    width            SE    max pool 2
      residual    width, dilation 2      max pool 2
      residual    1.5 width, dilation 2  max pool 2
      residual    2 width, dilation 2
      head        mean and max over time side by side, dropout, linear

The front end follows Zeghidour et al. 2018, "Learning filterbanks from raw speech for phone recognition", section 2:
filters that start as Gabor waves on the mel scale and are trained with everything else, modulus, low-pass, log,
normalisation per recording. Deviations: real filters instead of complex ones, a plain mean as low-pass. Removing each
filter's mean log energy cancels whatever equaliser a recording went through, which is what lets the network hear past
mastering and encoders. Residual blocks follow He et al. 2016 with the squeeze-excite gates of Hu et al. 2018 and a
last norm that starts at zero.
"""

import math

import torch
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool, SqueezeExcite

STRIDE = 16
FLOOR = 1e-3
"""Added before the log: amplitudes 60 dB below the window's RMS level are treated as silence."""
STEADY = 0.1
"""Added to the variance of log energies: a band that a codec cut away has almost none, and must not be blown up."""


class _Energies(nn.Module):
    """`(batch, 1, samples)` to normalised log energies `(batch, num_filters, frames)`."""

    def __init__(self, sample_rate: int, num_filters: int, filter_length: int) -> None:
        super().__init__()
        self.filters = ConvNormAct(1, 1, num_filters, filter_length, stride=STRIDE, norm=False, activation=None)
        with torch.no_grad():
            self.filters.conv.weight.copy_(gabor_filters(sample_rate, num_filters, filter_length))
        self.pool = Pool(1, "avg", max(1, round(sample_rate / 100 / STRIDE)), ceil_mode=True)
        self.norm = _NormOverTime(num_filters)

    def forward(self, waveform: Tensor) -> Tensor:
        energies = torch.log(self.pool(self.filters(waveform).abs()) + FLOOR)
        out: Tensor = self.norm(energies)
        return out


class _NormOverTime(nn.Module):
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


class _Residual(nn.Module):
    """conv-norm-ReLU-dropout-conv-norm-SE, plus the input (through a 1x1 conv if the width changes), ReLU."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(1, in_channels, out_channels, 3, dilation=dilation)
        self.dropout = nn.Dropout(0.1)
        self.conv2 = ConvNormAct(1, out_channels, out_channels, 3, activation=None)
        nn.init.zeros_(self.conv2.norm.weight)  # type: ignore[arg-type]
        self.gate = SqueezeExcite(1, out_channels)
        self.shortcut = (
            nn.Identity()
            if in_channels == out_channels
            else ConvNormAct(1, in_channels, out_channels, 1, activation=None)
        )
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.act(self.shortcut(x) + self.gate(self.conv2(self.dropout(self.conv1(x)))))
        return out


@register("filterbank-resnet", axes=(64_000,), sample_rate=16_000)
class FilterbankResNet(nn.Module):
    """See the top of the file.

    sample_rate: Hz of the input, which places the first filters. num_filters, filter_length: of the first layer.
    width: channels of the first residual stage, an even number. dropout: before the last layer.
    Any input length works; below one second there is little to normalise over, and the answers mean less.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        sample_rate: int = 16_000,
        num_filters: int = 64,
        filter_length: int = 256,
        width: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ConfigError(f"width must be even, got {width}: one stage has 1.5 times as many channels")
        self.energies = _Energies(sample_rate, num_filters, filter_length)
        self.features = nn.Sequential(
            ConvNormAct(1, num_filters, width, 3),
            _Residual(width, width, dilation=1),
            Pool(1, "max", 2, ceil_mode=True),
            _Residual(width, width, dilation=2),
            Pool(1, "max", 2, ceil_mode=True),
            _Residual(width, width * 3 // 2, dilation=2),
            Pool(1, "max", 2, ceil_mode=True),
            _Residual(width * 3 // 2, width * 2, dilation=2),
        )
        self.pool = GlobalPool(1, "mean_max")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(4 * width, num_outputs)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.dropout(self.pool(self.features(self.energies(waveform)))))
        return logits


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
