"""Learned silence-detection filters: a small 1D CNN that says for every 20 ms how likely it is that nothing sounds.

    waveform (batch, 1, samples) at 16 kHz, RMS level 1
      filters     num_filters of 128 samples (8 ms), stride 16 (1 ms)         learned; start as band-pass waves
      energy      squared, mean over 20 ms, log(1 + energy / floor)           24 numbers a frame, 0 for silence
      context     conv k5 - norm - ReLU, dilated 1, 3 and 9                   53 frames: half a second to either side
      head        conv k1                                                     one logit a frame
      pool        mean over the frames                                        one logit a clip

The example of the lectures, sigma(sum of w_i I_i) at each position, with what a level alone lacks: several bands, so
that hiss and hum differ from sound, and neighbours, so that what goes on unchanged differs from what comes and goes.
Zeros beyond the ends of the energies mean silence there.

It is registered like every other network, so that it is saved, exported and looked at like them: `forward` answers for
the clip, as they all do, and `frames` for each 20 ms, which is what finds the gaps.
"""

import torch
from torch import Tensor, nn

from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool
from audiocnn.nn.filterbank import gabor_filters

FILTER_LENGTH, STRIDE, POSITIONS = 128, 16, 20
FRAME = STRIDE * POSITIONS
"""Samples of one frame, 20 ms at 16 kHz. A rest shorter than that at the end is one more."""
FLOOR = 1e-6
"""Energies 60 dB below the level of the whole input are as good as none."""


class _Energies(nn.Module):
    """`(batch, 1, samples)` to log energies `(batch, num_filters, frames)`."""

    def __init__(self, num_filters: int) -> None:
        super().__init__()
        self.filters = ConvNormAct(1, 1, num_filters, FILTER_LENGTH, stride=STRIDE, norm=False, activation=None)
        with torch.no_grad():
            self.filters.conv.weight.copy_(gabor_filters(16_000, num_filters, FILTER_LENGTH))
        self.pool = Pool(1, "avg", POSITIONS, ceil_mode=True)

    def forward(self, waveform: Tensor) -> Tensor:
        return torch.log(1 + self.pool(self.filters(waveform).square()) / FLOOR)


@register("silence-detector", axes=(64_000,), sample_rate=16_000)
class SilenceDetectorNetwork(nn.Module):
    """See the top of the file.

    num_filters: in the first layer. width: channels of the context.
    """

    def __init__(self, num_outputs: int, *, num_filters: int = 24, width: int = 24) -> None:
        super().__init__()
        self.energies = _Energies(num_filters)
        self.context = nn.Sequential(
            ConvNormAct(1, num_filters, width, 5),
            ConvNormAct(1, width, width, 5, dilation=3),
            ConvNormAct(1, width, width, 5, dilation=9),
        )
        self.head = nn.Conv1d(width, num_outputs, 1)
        self.pool = GlobalPool(1, "mean")

    def frames(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs, ceil(samples / FRAME))` of `(batch, 1, samples)`."""
        logits: Tensor = self.head(self.context(self.energies(waveform)))
        return logits

    def forward(self, waveform: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)`: the mean over the frames."""
        logits: Tensor = self.pool(self.frames(waveform))
        return logits
