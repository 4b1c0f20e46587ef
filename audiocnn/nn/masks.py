"""Masks over a picture of sound, a way to train: what is hidden must be made up for by the rest."""

import torch
from torch import Tensor


def hide_ranges(pictures: Tensor, widest: tuple[int, int]) -> Tensor:
    """`pictures` `(batch, bands, frames)` with two random ranges of bands and two of frames set to 0 in each of them.

    widest: how many bands and how many frames a range has at most, 0 for no such ranges. Pictures should have mean 0.

    After Park et al. 2019, "SpecAugment", section 2; without its warp of time.
    """
    for axis, most in enumerate(widest, start=1):
        for _ in range(2 if most else 0):
            pictures = pictures.masked_fill(_ranges(pictures, axis, most), 0.0)
    return pictures


def _ranges(pictures: Tensor, axis: int, widest: int) -> Tensor:
    """True within one random range along `axis` in each picture; broadcasts to the shape of `pictures`."""
    count, length, device = len(pictures), pictures.shape[axis], pictures.device
    width = torch.randint(0, min(widest, length) + 1, (count, 1, 1), device=device)
    start = (torch.rand(count, 1, 1, device=device) * (length - width + 1)).long()
    place = torch.arange(length, device=device).reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
    return (place >= start) & (place < start + width)
