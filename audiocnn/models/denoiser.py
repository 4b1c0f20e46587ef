"""Denoiser: takes the noise out of a recording. A 1D convolutional encoder and decoder with a mask between them.

    waveform (batch, 1, samples)                      at 16 kHz
      level     to RMS 1; the same factor comes off at the end
      encoder   conv 4096 filters k4096, stride 1024   4096 x 16 Hz: 2048 pairs of cosine and sine, not learned
      picture   three channels                         2048 x 16 Hz: log of each pair's sum of squares, how far it is
                                                       above its mean over time, and the place of the pair
      mask      a U-Net over pairs and time, sigmoid   a gain from 0 to 1 for each pair, see unet.py
      decoder   transposed conv, stride 1024           back to samples, with the same filters

After Luo, Mesgarani: "Conv-TasNet: surpassing ideal time-frequency magnitude masking for speech separation", IEEE/ACM
TASLP 2019 (arXiv 1809.07454), figure 1. Deviations: filters of 256 ms instead of 2 ms, since music has tones to tell
apart where speakers have onsets; one mask for a pair of filters; a U-Net instead of dilated convolutions over time,
since what a tone looks like it looks like at any pitch. Encoder and decoder are a windowed Fourier transform and its
inverse, so that open masks give back what is heard. Learned with the rest they lost what makes them undo each other:
docs/results.md has both.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.unet import UNet
from audiocnn.nn.blocks import ConvNormAct
from audiocnn.nn.ndim import check_input, whole_number
from audiocnn.nn.transposed import ConvTransposeNormAct

OVERLAP = 4
"""Filters that see each sample: the stride is a quarter of their length."""

_FLOOR = 1e-4
_SILENCE = 1e-8


class Denoiser(nn.Module):
    """See the top of the file. Not a classifier, so not in the registry; `training.denoise` trains it.

    filter_length: samples, a multiple of 8. width: of the U-Net.
    """

    def __init__(self, *, filter_length: int = 4096, width: int = 12) -> None:
        super().__init__()
        if whole_number(filter_length, "filter_length") % (2 * OVERLAP):
            raise ConfigError(f"filter_length must be a multiple of {2 * OVERLAP}, got {filter_length}")
        stride, pairs = filter_length // OVERLAP, filter_length // 2
        # A filter that moves on by a quarter of its length sees four pieces of that length. Taken as four positions,
        # each with a channel for every sample, that is a convolution of stride 1: the same sums, several times as fast.
        self.encoder = ConvNormAct(1, stride, 2 * pairs, OVERLAP, norm=False, activation=None)
        self.decoder = ConvTransposeNormAct(1, 2 * pairs, stride, OVERLAP, norm=False, activation=None)
        self._stride = stride
        filters = fourier_filters(filter_length).reshape(-1, OVERLAP, stride).mT
        for layer, gain in ((self.encoder, 1.0), (self.decoder, 2 / OVERLAP)):
            del layer.conv.weight
            layer.conv.register_buffer("weight", filters * gain, persistent=False)
        self.place: Tensor
        self.register_buffer("place", torch.linspace(-1, 1, pairs)[:, None], persistent=False)
        self.mask = UNet(2, 3, 1, width=width, first_stride=(2, 1))

    def forward(self, waveform: Tensor) -> Tensor:
        """The clean `(batch, 1, samples)` of noisy `(batch, 1, samples)`, of any length."""
        check_input(waveform, 1, 1, "Denoiser")
        # The three digits of bfloat16 are enough for a mask; in what is masked they would be a noise of their own.
        with torch.autocast(waveform.device.type, enabled=False):
            level = waveform.square().mean(-1, keepdim=True).sqrt() + _SILENCE
            whole = F.pad(waveform / level, (0, -waveform.shape[-1] % self._stride))
            pieces = whole.reshape(len(waveform), -1, self._stride).mT
            cosines, sines = self.encoder(pieces).chunk(2, dim=1)
            picture = self._picture(torch.log(cosines.square() + sines.square() + _FLOOR))
        mask = torch.sigmoid(self.mask(picture)[:, 0].float())
        with torch.autocast(waveform.device.type, enabled=False):
            cleaned: Tensor = self.decoder(torch.cat([mask * cosines, mask * sines], dim=1))
            return cleaned.mT.flatten(1)[:, None, : waveform.shape[-1]] * level

    def _picture(self, energies: Tensor) -> Tensor:
        """Noise is steady, so the mean over time tells where its floor is."""
        above = energies - energies.mean(-1, keepdim=True)
        picture = torch.stack([energies, above, self.place.expand_as(energies)], dim=1)
        return picture.contiguous(memory_format=torch.channels_last)


def fourier_filters(length: int) -> Tensor:
    """Cosines and then sines `(length, length)` under the root of a Hann window, of unit energy without it.

    Frequencies are odd multiples of half a cycle per `length`: length / 2 pairs make a complete orthogonal basis.
    """
    time = torch.arange(length, dtype=torch.float64) + 0.5
    angles = 2 * math.pi / length * (torch.arange(length // 2)[:, None] + 0.5) * time
    window = torch.sin(math.pi * time / length)
    filters = torch.cat([torch.cos(angles), torch.sin(angles)]) * window * math.sqrt(2 / length)
    return filters.float()
