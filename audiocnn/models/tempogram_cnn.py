"""TempogramCNN: this project's own network for tempo, which looks at how fast things recur.

    waveform (batch, 1, samples)                                    at 8 kHz
      front       learned filterbank and its log energies           16 x 100 Hz
      onsets      conv k5, norm, ReLU                                8 x 100 Hz
      tempogram   each channel's strength at 216 rates of pulses     8 x 216, one a second, from 6 s each
      mean over time, log, mean over rates removed                   8 x 216 rates
      residual    conv k5 - norm - ReLU - conv k3, an octave apart - norm, plus the input, ReLU; three times
      head        1x1 conv to 4 channels, dropout, linear

Why so. Networks that see rhythm as a picture of time have to learn every tempo anew. Here the rates lie evenly over
their logarithm, 36 to an octave, so that another tempo is the same pattern elsewhere (Grosche, Müller, Kurth 2010,
"Cyclic tempogram"), and a convolution that knows it at one tempo knows it at all. Whether the beat is the pulse or its
half is told by the pulses one and two octaves away: hence convolutions that are dilated by an octave. The tempogram is
a convolution with windowed waves, a cosine and a sine of each rate, which are fixed; all else is learned.
"""

import math

import torch
from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, pointwise
from audiocnn.nn.filterbank import Energies
from audiocnn.nn.ndim import whole_number
from audiocnn.nn.residual import Residual

FRAME_RATE = 100
ONSET_CHANNELS = 8
SLOWEST_BPM = 20.0
OCTAVES = 6
PER_OCTAVE = 36
WINDOW_S = 6
FLOOR = 0.01
"""Added before the log: pulses with a hundredth of a deviation of the onsets count as none."""


@register("tempogram-cnn", axes=(80_000,), sample_rate=8_000)
class TempogramCNN(nn.Module):
    """See the top of the file.

    width: channels of the residual blocks. sample_rate, num_filters, filter_length: of the filterbank, see `Energies`.
    dropout: before the last layer. Any input length works; below six seconds the rates blur.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        width: int = 16,
        sample_rate: int = 8_000,
        num_filters: int = 16,
        filter_length: int = 64,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        whole_number(width, "width")
        self.front = Energies(sample_rate, num_filters, filter_length)
        self.onsets = ConvNormAct(1, num_filters, ONSET_CHANNELS, 5)
        self.tempogram = _Tempogram()
        self.entry = pointwise(1, ONSET_CHANNELS, width)
        self.blocks = nn.Sequential(*(_block(width) for _ in range(3)))
        self.exit = pointwise(1, width, 4)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(4 * OCTAVES * PER_OCTAVE, num_outputs)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, 1, samples)`."""
        rates = torch.log(self.tempogram(self.onsets(self.front(waveform))) + FLOOR)
        rates = rates - rates.mean(-1, keepdim=True)
        logits: Tensor = self.head(self.dropout(self.exit(self.blocks(self.entry(rates))).flatten(1)))
        return logits


class _Tempogram(nn.Module):
    """`(batch, channels, frames)` to how strong each rate is in the mean over time, `(batch, channels, rates)`."""

    def __init__(self) -> None:
        super().__init__()
        waves = pulse_waves()
        self.waves = ConvNormAct(1, 1, len(waves), waves.shape[-1], stride=FRAME_RATE, norm=False, activation=None)
        del self.waves.conv.weight
        self.waves.conv.register_buffer("weight", waves)
        self.pool = GlobalPool(1, "mean")

    def forward(self, x: Tensor) -> Tensor:
        cosines, sines = self.waves(x.flatten(0, 1).unsqueeze(1)).chunk(2, dim=1)
        strengths = (cosines.square() + sines.square() + 1e-6).sqrt()
        height = (1,) * (x.ndim - 3)  # of layers lowered to two axes
        out: Tensor = self.pool(strengths).reshape(-1, ONSET_CHANNELS, *height, OCTAVES * PER_OCTAVE)
        return out


def pulse_waves() -> Tensor:
    """Cosines, then sines, of all rates under a Hann window, `(2 rates, 1, frames)`; a wave of that rate gives 1."""
    frames = WINDOW_S * FRAME_RATE
    time_s = (torch.arange(frames) - (frames - 1) / 2) / FRAME_RATE
    rates_hz = SLOWEST_BPM / 60 * 2 ** (torch.arange(OCTAVES * PER_OCTAVE) / PER_OCTAVE)
    window = torch.hann_window(frames, periodic=False)
    angles = 2 * math.pi * rates_hz[:, None] * time_s
    waves = torch.cat([angles.cos(), angles.sin()]) * window * (2 / window.sum())
    return waves[:, None]


def _block(width: int) -> Residual:
    last = ConvNormAct(1, width, width, 3, dilation=PER_OCTAVE, activation=None)
    nn.init.zeros_(last.norm.weight)  # type: ignore[arg-type]
    return Residual(nn.Sequential(ConvNormAct(1, width, width, 5), last), nn.Identity())
