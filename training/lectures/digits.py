"""Handwritten digits to learn from: MNIST's, or drawn ones for those who have no MNIST at hand."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.corpora.mnist import read_idx
from training.corpora.strokes import HANDS, coverage, segments_of

SIZE = 28


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
    """Digits in the strokes of the moving digits: each in its own size, turn, slant, thickness, place and grain."""
    random = np.random.default_rng(seed)
    labels = random.integers(10, size=count)
    images = np.empty((count, 1, SIZE, SIZE), np.float32)
    for image, label in zip(images, labels, strict=True):
        height, width = random.uniform(6.5, 7.5), random.uniform(7, 10)
        turn, slant = random.uniform(-0.15, 0.15), random.uniform(-0.3, 0.3)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        segments = segments_of(HANDS["round"][label], rotation @ np.array([[width, slant * height], [0, height]]))
        middle = SIZE / 2 + random.uniform(-1, 1, 2)
        ink = coverage(segments, middle, random.uniform(1.5, 2.5), SIZE)
        image[0] = np.clip(ink + 0.1 * random.standard_normal(ink.shape), 0, 1)
    return Digits(torch.from_numpy(images), torch.from_numpy(labels))
