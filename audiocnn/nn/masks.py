"""Masks over a picture of sound, a way to train: what is hidden must be made up for by the rest."""

import torch
from torch import Tensor, nn

from audiocnn.nn.ndim import whole_number


class PictureMasks(nn.Module):
    """Hides two random ranges of bands and two of frames in each picture `(batch, bands, frames)`, while training only.

    bands, frames: the widest a range can be, 0 for none of that kind; each is as wide as chance has it. What is hidden
    becomes 0, so pictures should have that mean. Raises `ConfigError` for negative numbers.

    After Park et al. 2019, "SpecAugment", section 2; without its warp of time.
    """

    def __init__(self, bands: int, frames: int) -> None:
        super().__init__()
        self.widest = (whole_number(bands, "mask_bands", 0), whole_number(frames, "mask_frames", 0))

    def forward(self, pictures: Tensor) -> Tensor:
        if self.training:
            for axis, widest in enumerate(self.widest, start=1):
                for _ in range(2 if widest else 0):
                    pictures = pictures.masked_fill(_ranges(pictures, axis, widest), 0.0)
        return pictures


def _ranges(pictures: Tensor, axis: int, widest: int) -> Tensor:
    """True within one random range along `axis` in each picture; broadcasts to the shape of `pictures`."""
    count, length, device = len(pictures), pictures.shape[axis], pictures.device
    width = torch.randint(0, min(widest, length) + 1, (count, 1, 1), device=device)
    start = (torch.rand(count, 1, 1, device=device) * (length - width + 1)).long()
    place = torch.arange(length, device=device).reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
    return (place >= start) & (place < start + width)
