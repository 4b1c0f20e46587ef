"""WavePicture: a learned filterbank draws a picture of the sound, frequency by time; a 2D residual network reads it.

    waveform (batch, 1, samples)                           at 16 kHz, 4 s, with the arguments left alone
      front     learned filterbank and its log energies      64 x 200, 50 a second
                in training, ranges of bands and frames hidden
      stem      conv 16 k5, stride 2                         32 x 100
                max pool 2                                   16 x 50
      stage 1   (16, 16)                                     16 x 50
      stage 2   (32, 32)                                      8 x 25
      stage 3   (64, 64)                                      4 x 13
      head      mean and maximum over all positions side by side, dropout, linear

Why so. In a picture a filter that has learned a pattern finds it at any pitch, and not at one only as in 1D
convolutions over bands; with few recordings that counts (Wavegram-CNN in Kong et al. 2020, arXiv 1912.10211, table 3;
ACDNet, see acdnet.py). The bands begin in the order of their pitch (nn/filterbank.py), and training bends them rather
than swaps them. Each band's mean and deviation over time are taken away, and an equaliser with them; what is steady is
lost as well, which matters for rain or an engine: `levels` shows it beside. What reads the picture is a `small-resnet`
(small_resnet.py).
"""

import torch
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.models.small_resnet import SmallResNet
from audiocnn.nn.filterbank import Energies
from audiocnn.nn.masks import hide_ranges
from audiocnn.nn.ndim import Size, whole_number


@register("wave-picture", axes=(64_000,), sample_rate=16_000)
class WavePicture(SmallResNet):
    """See the top of the file; takes sound of any length.

    sample_rate, num_filters, filter_length, stride, frame_rate: of the filterbank, see `Energies`.
    levels: whether a second channel of the picture has the energies as they are, scaled alike for all sounds.
    mask_bands, mask_frames: what training hides of the picture, not of the levels, see `hide_ranges`; 0 for nothing.
    width, blocks, stem_stride, stem_pool, dropout: of the network behind it, see `SmallResNet`.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        sample_rate: int = 16_000,
        num_filters: int = 64,
        filter_length: int = 256,
        stride: int = 32,
        frame_rate: int = 50,
        levels: bool = False,
        mask_bands: int = 0,
        mask_frames: int = 0,
        width: int = 16,
        blocks: tuple[int, ...] = (1, 1, 1),
        stem_stride: Size = 2,
        stem_pool: bool = True,
        dropout: float = 0.3,
    ) -> None:
        if type(levels) is not bool:
            raise ConfigError(f"levels must be true or false, got {levels!r}")
        energies = Energies(sample_rate, num_filters, filter_length, stride=stride, frame_rate=frame_rate)
        super().__init__(
            num_outputs,
            in_channels=1 + levels,
            width=width,
            blocks=blocks,
            stem_stride=stem_stride,
            stem_pool=stem_pool,
            dropout=dropout,
        )
        self.energies = energies
        self.masks = whole_number(mask_bands, "mask_bands", 0), whole_number(mask_frames, "mask_frames", 0)
        self.level_norm = nn.BatchNorm1d(num_filters) if levels else None

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of waveforms `(batch, 1, samples)`."""
        levels = self.energies.levels(x)
        bands = [self.energies.norm(levels)]
        if self.training:
            bands = [hide_ranges(bands[0], self.masks)]
        if self.level_norm is not None:
            bands.append(self.level_norm(levels))
        # Lowered for inference, the bands are channels of height 1 (nn/lowering.py).
        channels = [band.unsqueeze(1) if band.ndim == 3 else band.transpose(1, 2) for band in bands]
        return super().forward(torch.cat(channels, dim=1))
