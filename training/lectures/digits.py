"""Handwritten digits to learn from: MNIST's, or drawn ones for those who have no MNIST at hand."""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.corpora.mnist import read_idx

SIZE = 28

_GLYPHS = """
 ###    #    ###   ###     #  #####  ###  #####  ###   ###
#   #  ##   #   # #   #   ##  #     #         # #   # #   #
#   #   #       #     #  # #  ####  #        #  #   # #   #
#   #   #     ##    ##  #  #      # ####    #    ###   ####
#   #   #    #        # #####     # #   #   #   #   #     #
#   #   #   #     #   #    #  #   # #   #  #    #   #     #
 ###   ###  #####  ###     #   ###   ###   #     ###   ###
"""
_WIDTH, _HEIGHT = 5, 7


class Digits(NamedTuple):
    """Images `(count, 1, 28, 28)` from 0, the paper, to 1, the ink, and the digit on each, `(count,)`."""

    images: Tensor
    labels: Tensor


def read_mnist(folder: Path, prefix: str) -> Digits:
    """One of MNIST's two sets, `train` or `t10k`, from the published idx files in `folder`.

    Raises `ConfigError` for files that are missing or damaged.
    """
    images = torch.from_numpy(read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", ndim=3).copy())
    labels = torch.from_numpy(read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", ndim=1).copy())
    return Digits(images[:, None] / 255, labels.long())


def draw_digits(count: int, seed: int) -> Digits:
    """Digits from a grid of 5 x 7 dots, each turned, slanted, stretched, moved and grained by chance."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=random)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=random)

    turn, slant = uniform(-0.2, 0.2), uniform(-0.3, 0.3)
    across, down = uniform(1.8, 2.4), uniform(1.2, 1.5)
    right, up = uniform(-0.4, 0.4), uniform(-0.2, 0.2)
    # From a pixel of the image to where it lies on the glyph, both from -1 to 1.
    row_x = torch.stack([across * turn.cos(), across * (slant - turn.sin()), right], dim=1)
    row_y = torch.stack([down * turn.sin(), down * turn.cos(), up], dim=1)
    grid = F.affine_grid(torch.stack([row_x, row_y], dim=1), [count, 1, SIZE, SIZE], align_corners=False)
    ink = F.grid_sample(_glyphs()[labels], grid, align_corners=False)
    grain = 0.1 * torch.randn(ink.shape, generator=random)
    return Digits((ink + grain).clamp(0, 1), labels)


def _glyphs() -> Tensor:
    """The ten digits as dots, `(10, 1, 7, 5)`."""
    rows = [row.ljust(10 * (_WIDTH + 1)) for row in _GLYPHS.strip("\n").splitlines()]
    dots = torch.tensor([[float(dot == "#") for dot in row] for row in rows])
    return dots.reshape(_HEIGHT, 10, _WIDTH + 1)[:, :, :_WIDTH].movedim(1, 0)[:, None]
