"""Denoiser: takes the noise out of a recording. A 1D convolutional encoder and decoder with a mask between them.

    waveform (batch, 1, samples)                      at 16 kHz
      level     to RMS 1; the same factor comes off at the end
      encoder   conv 512 filters k512, stride 128      512 x 125 Hz, learned: 256 pairs that start as cosine and sine
      energies  log of each pair's sum of squares      256 x 125 Hz
      mask      1x1 conv to width, 8 blocks, 1x1 conv, sigmoid: a gain from 0 to 1 for each pair
      decoder   transposed conv, stride 128, learned   back to samples

    block     1x1 conv to twice the channels - norm - ReLU - depthwise conv k3 with dilation 1, 2, 4, ..., 128 - norm -
              ReLU - 1x1 conv back - norm, plus the input, ReLU; the last norm starts at zero

After Luo, Mesgarani: "Conv-TasNet: surpassing ideal time-frequency magnitude masking for speech separation", IEEE/ACM
TASLP 2019 (arXiv 1809.07454), figure 1. Deviations: filters of 32 ms instead of 2 ms, since music has tones to tell
apart where speakers have onsets; one mask for a pair of filters; batch norm; one branch instead of skip connections.
Encoder and decoder start as a windowed Fourier transform and its inverse, so that an untrained network with open masks
gives back what it hears.
"""

import math

import torch
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.nn.blocks import ConvNormAct, depthwise, pointwise
from audiocnn.nn.ndim import check_input, whole_number
from audiocnn.nn.residual import Residual
from audiocnn.nn.transposed import ConvTransposeNormAct

DILATIONS = (1, 2, 4, 8, 16, 32, 64, 128)
OVERLAP = 4
"""Filters that see each sample: the stride is a quarter of their length."""

_FLOOR = 1e-4
_SILENCE = 1e-8


class Denoiser(nn.Module):
    """See the top of the file. Not a classifier, so not in the registry; `training.denoise` trains it.

    filter_length: samples, a multiple of 8. width: channels between the blocks.
    """

    def __init__(self, *, filter_length: int = 512, width: int = 128) -> None:
        super().__init__()
        if whole_number(filter_length, "filter_length") % (2 * OVERLAP):
            raise ConfigError(f"filter_length must be a multiple of {2 * OVERLAP}, got {filter_length}")
        stride, pairs = filter_length // OVERLAP, filter_length // 2
        self.encoder = ConvNormAct(1, 1, 2 * pairs, filter_length, stride=stride, norm=False, activation=None)
        self.decoder = ConvTransposeNormAct(1, 2 * pairs, 1, filter_length, stride=stride, norm=False, activation=None)
        filters = fourier_filters(filter_length)
        with torch.no_grad():
            self.encoder.conv.weight.copy_(filters)
            self.decoder.conv.weight.copy_(filters * 2 / OVERLAP)
        self.entry = nn.Sequential(nn.BatchNorm1d(pairs), pointwise(1, pairs, width))
        self.blocks = nn.Sequential(*[_block(width, dilation) for dilation in DILATIONS])
        self.exit = nn.Conv1d(width, pairs, 1)

    def forward(self, waveform: Tensor) -> Tensor:
        """The clean `(batch, 1, samples)` of noisy `(batch, 1, samples)`, of any length."""
        check_input(waveform, 1, 1, "Denoiser")
        level = waveform.square().mean(-1, keepdim=True).sqrt() + _SILENCE
        heard = self.encoder(waveform / level)
        cosines, sines = heard.chunk(2, dim=1)
        energies = torch.log(cosines.square() + sines.square() + _FLOOR)
        mask = torch.sigmoid(self.exit(self.blocks(self.entry(energies))))
        clean: Tensor = self.decoder(torch.cat([mask * cosines, mask * sines], dim=1))
        return clean[..., : waveform.shape[-1]] * level


def fourier_filters(length: int) -> Tensor:
    """Cosines and then sines `(length, 1, length)` under the root of a Hann window, of unit energy without it.

    Frequencies are odd multiples of half a cycle per `length`: length / 2 pairs make a complete orthogonal basis.
    """
    time = torch.arange(length, dtype=torch.float64) + 0.5
    angles = 2 * math.pi / length * (torch.arange(length // 2)[:, None] + 0.5) * time
    window = torch.sin(math.pi * time / length)
    filters = torch.cat([torch.cos(angles), torch.sin(angles)]) * window * math.sqrt(2 / length)
    return filters.float()[:, None]


def _block(width: int, dilation: int) -> Residual:
    last = pointwise(1, 2 * width, width, activation=None)
    nn.init.zeros_(last.norm.weight)  # type: ignore[arg-type]
    branch = nn.Sequential(pointwise(1, width, 2 * width), depthwise(1, 2 * width, 3, dilation=dilation), last)
    return Residual(branch, nn.Identity())
