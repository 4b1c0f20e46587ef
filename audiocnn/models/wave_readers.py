"""WaveReaders: a learned filterbank draws a picture of the sound; several 2D residual networks read it on their own.

    waveform (batch, 1, samples)                           at 16 kHz, 4 s, with the arguments left alone
      front     learned filterbank and its log energies      64 x 200, 50 a second
      views     one for each reader: shape, levels or both   64 x 200, one channel or two
      readers   a small-resnet each, as in wave_picture.py    3 maps of 64 x 4 x 13
      head      mean and maximum over all positions of each map, dropout, linear
                the mean over the readers of what each would answer

Why so. What is steady in a sound, its levels, tells rain from the sea and misleads about music from another studio. A
network that sees the levels beside the shape, which is without them (wave_picture.py), leans on whatever is easier to
learn. Readers that see one of the two lean on what they have and err in different places; their mean errs less. In
training each answers for itself and has a loss of its own, so that none leaves the work to the others. These are the
TreeNets of Lee et al. 2015, "Why M heads are better than one" (arXiv 1511.06314): networks that share their first
layers. Deviation: theirs all see the same.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.models.small_resnet import trunk, trunk_channels
from audiocnn.nn.blocks import GlobalPool
from audiocnn.nn.filterbank import Energies, as_picture
from audiocnn.nn.masks import hide_ranges
from audiocnn.nn.ndim import Size, whole_number

View = Literal["shape", "levels", "both"]


@register("wave-readers", axes=(64_000,), sample_rate=16_000)
class WaveReaders(nn.Module):
    """See the top of the file; takes sound of any length.

    views: what each reader sees. `shape`: energies without each band's mean and deviation over time; `levels`: energies
    as they are, scaled alike for all sounds; `both`: side by side.
    sample_rate, num_filters, filter_length, stride, frame_rate: of the filterbank, see `Energies`.
    mask_bands, mask_frames: what training hides of the shape, not of the levels, see `hide_ranges`; 0 for nothing.
    width, blocks, stem_stride, stem_pool, dropout: of each reader, see `SmallResNet`.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        views: tuple[View, ...] = ("shape", "levels", "both"),
        sample_rate: int = 16_000,
        num_filters: int = 64,
        filter_length: int = 256,
        stride: int = 32,
        frame_rate: int = 50,
        mask_bands: int = 0,
        mask_frames: int = 0,
        width: int = 16,
        blocks: tuple[int, ...] = (1, 1, 1),
        stem_stride: Size = 2,
        stem_pool: bool = True,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        known = get_args(View)
        if not views or not set(views) <= set(known):
            raise ConfigError(f"views must be a list of 1 or more of {', '.join(known)}, got {views!r}")
        self._views = tuple(views)
        self.energies = Energies(sample_rate, num_filters, filter_length, stride=stride, frame_rate=frame_rate)
        if set(views) == {"levels"}:
            self.energies.norm = nn.Identity()
        self.masks = whole_number(mask_bands, "mask_bands", 0), whole_number(mask_frames, "mask_frames", 0)
        self.level_norm = None if set(views) == {"shape"} else nn.BatchNorm1d(num_filters)
        self.readers = nn.ModuleList(
            trunk(2, 2 if view == "both" else 1, width, blocks, 5, stem_stride, stem_pool) for view in views
        )
        self.share = _Share(len(views))
        self.pool = GlobalPool(2, "mean_max")
        self.dropout = nn.Dropout(dropout)
        features = 2 * trunk_channels(width, blocks)
        self.head = nn.Linear(len(views) * features, num_outputs)
        for parameter in self.head.parameters():  # as in a head that has one reader in front of it
            nn.init.uniform_(parameter, -(features**-0.5), features**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of waveforms `(batch, 1, samples)`.

        In training `(batch, readers, num_outputs)`: those of each reader.
        """
        levels = self.energies.levels(x)
        shape = self.energies.norm(levels)
        if self.level_norm is not None:
            levels = self.level_norm(levels)
        maps = []
        for view, reader in zip(self._views, self.readers, strict=True):
            seen = {"shape": [shape], "levels": [levels], "both": [shape, levels]}[view]
            if self.training and view != "levels":
                seen = [hide_ranges(seen[0], self.masks), *seen[1:]]
            maps.append(reader(torch.cat([as_picture(bands) for bands in seen], dim=1)))
        features = self.dropout(self.pool(self.share(torch.cat(maps, dim=1))))
        if not self.training:
            logits: Tensor = self.head(features)
            return logits
        # Means and maxima come after one another, and in both the readers; each gets its share back.
        own, weight = (part.unflatten(1, (2, len(maps), -1)) for part in (features * len(maps), self.head.weight))
        return torch.einsum("bkrc,okrc->bro", own, weight) + self.head.bias


class _Share(nn.Module):
    """Each reader's part in the mean of `count`: in front of the pool, so that an ordinary head can come behind it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def forward(self, x: Tensor) -> Tensor:
        return x / self._count
