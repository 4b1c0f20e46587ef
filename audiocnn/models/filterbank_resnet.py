"""A learned filterbank and a residual 1D CNN over its energies: the bundled music tagger's network.

    waveform (batch, 1, samples)
      conv        num_filters of filter_length samples, stride 16            learned; starts as band-pass waves
      energy      |x|, mean over 10 ms (1 / frame_rate), log, each filter's mean and deviation over time removed
      masks       in training, ranges of filters and moments hidden
      conv k3     width, norm, ReLU
      residual    width            SE    max pool 2
      residual    width, dilation 2      max pool 2
      residual    1.5 width, dilation 2  max pool 2
      residual    2 width, dilation 2
      head        mean and max over time side by side, dropout, linear

The front end is explained in nn/filterbank.py. Residual blocks follow He et al. 2016 with the squeeze-excite gates of
Hu et al. 2018 and a last norm that starts at zero.
"""

from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool, SqueezeExcite
from audiocnn.nn.filterbank import Energies
from audiocnn.nn.masks import hide_ranges
from audiocnn.nn.ndim import whole_number


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

    sample_rate, num_filters, filter_length, stride, frame_rate: see `Energies`.
    mask_bands, mask_frames: what training hides, see `hide_ranges`; 0 for nothing.
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
        stride: int = 16,
        frame_rate: int = 100,
        mask_bands: int = 0,
        mask_frames: int = 0,
        width: int = 128,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if width % 2:
            raise ConfigError(f"width must be even, got {width}: one stage has 1.5 times as many channels")
        self.energies = Energies(sample_rate, num_filters, filter_length, stride=stride, frame_rate=frame_rate)
        self.masks = whole_number(mask_bands, "mask_bands", 0), whole_number(mask_frames, "mask_frames", 0)
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
        picture = self.energies(waveform)
        if self.training:
            picture = hide_ranges(picture, self.masks)
        logits: Tensor = self.head(self.dropout(self.pool(self.features(picture))))
        return logits
