"""Changes an image, a video or a volume could have gone through without changing its label, on batches of brightness
from 0 to 1, `(batch, channels, *axes)`.

They run on the device of the batch. Each item draws its own amounts from `random`, so that a CPU and a GPU see the same
ones; only the noise of each pixel comes from torch. All frames of a video are moved alike.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from training.config import VisualAugmentConfig

_CELLS = 4  # of the coarse field behind an elastic distortion, along each axis


def augment(batch: Tensor, config: VisualAugmentConfig, random: Generator, *, video: bool) -> Tensor:
    """The batch after every step that `config` switches on. video: whether the first axis is time."""
    axes = batch.ndim - 2 - video
    out = batch
    if config.shift or config.rotate_deg or config.scale or config.shear or config.elastic or config.flip:
        moved = (random.random(len(batch)) < config.moved).astype(float)
        matrices = _affine(moved, batch.shape[-axes:], config, random)
        out = _warp(out, matrices, _elastic(moved, axes, config.elastic, random), video=video)
    if config.contrast:
        middle = out.mean(dim=tuple(range(1, out.ndim)), keepdim=True)
        out = middle + (out - middle) * _per_item(1 + _uniform(random, len(out), config.contrast), out)
    if config.brightness:
        out = out + _per_item(_uniform(random, len(out), config.brightness), out)
    if config.noise:
        out = out + torch.randn_like(out) * _per_item(random.uniform(0, config.noise, len(out)), out)
    if config.erase:
        out = out.masked_fill(_boxes(out, config.erase, random, video=video), 0.0)
    return out


def _affine(
    moved: NDArray[np.float64], shape: Sequence[int], config: VisualAugmentConfig, random: Generator
) -> NDArray[np.float32]:
    """Where each item takes its values from, `(batch, axes, axes + 1)`: from -1 to 1, the last axis first.

    moved: 1 for each item that is turned, slanted, scaled and shifted, 0 for the others; all of them are mirrored.
    """
    batch, axes = len(moved), len(shape)
    names = ("width", "height", "depth")[:axes]
    matrix = np.tile(np.eye(axes), (batch, 1, 1))
    for a in range(axes):
        for b in range(a):
            turn = np.tile(np.eye(axes), (batch, 1, 1))
            angle = np.deg2rad(_uniform(random, batch, config.rotate_deg)) * moved
            turn[:, a, a] = turn[:, b, b] = np.cos(angle)
            turn[:, a, b], turn[:, b, a] = np.sin(angle), -np.sin(angle)
            turn[:, a, b] += _uniform(random, batch, config.shear) * moved
            matrix = matrix @ turn
    matrix = matrix * np.exp(_uniform(random, batch, config.scale) * moved)[:, None, None]
    for axis, name in enumerate(names):
        if name in config.flip:
            matrix[:, axis] *= random.choice([-1.0, 1.0], (batch, 1))
    sides = np.array(shape[::-1], float)
    matrix = matrix * sides / sides[:, None]  # turned as it looks, also where the sides differ
    offset = random.uniform(-2 * config.shift, 2 * config.shift, (batch, axes, 1))  # the whole side is 2 long
    return np.concatenate([matrix, offset * moved[:, None, None]], axis=2).astype(np.float32)


def _elastic(moved: NDArray[np.float64], axes: int, deviation: float, random: Generator) -> Tensor | None:
    """Displacements at coarse points, `(batch, axes, cells, ...)`."""
    if not deviation:
        return None
    field = random.normal(0, 2 * deviation, (len(moved), axes, *[_CELLS] * axes))
    return torch.from_numpy((field * moved.reshape(-1, *[1] * (axes + 1))).astype(np.float32))


def _warp(batch: Tensor, matrices: NDArray[np.float32], elastic: Tensor | None, *, video: bool) -> Tensor:
    """One resampling for everything that moves pixels; outside is black."""
    shape = batch.shape
    x = batch.transpose(1, 2).flatten(0, 1) if video else batch
    grid = F.affine_grid(torch.from_numpy(matrices).to(batch.device), [shape[0], 1, *x.shape[2:]], align_corners=False)
    if elastic is not None:
        mode = "bicubic" if elastic.ndim == 4 else "trilinear"
        field = F.interpolate(elastic.to(batch.device), x.shape[2:], mode=mode, align_corners=True)
        grid = grid + field.movedim(1, -1)
    if video:
        grid = grid.repeat_interleave(shape[2], dim=0)
    out = F.grid_sample(x, grid, align_corners=False)
    return out.reshape(shape[0], shape[2], *out.shape[1:]).transpose(1, 2) if video else out


def _boxes(batch: Tensor, probability: float, random: Generator, *, video: bool) -> Tensor:
    """True inside a random box of up to half of each side, in items chosen with `probability`; through all frames."""
    inside = torch.from_numpy(random.random(len(batch)) < probability).view(-1, *[1] * (batch.ndim - 1))
    for axis in range(2 + video, batch.ndim):
        size = batch.shape[axis]
        width, centre = random.uniform(0, 0.5, len(batch)), random.uniform(0, 1, len(batch))
        near = np.abs((np.arange(size) + 0.5) / size - centre[:, None]) < width[:, None] / 2
        view = [len(batch)] + [1] * (batch.ndim - 1)
        view[axis] = size
        inside = inside & torch.from_numpy(near).view(view)
    return inside.to(batch.device)


def mixup(batch: Tensor, targets: Tensor, alpha: float, random: Generator) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018): each item blended with another of the batch, its target likewise."""
    share = torch.from_numpy(random.beta(alpha, alpha, len(batch)).astype(np.float32)).to(batch.device)
    partner = torch.from_numpy(random.permutation(len(batch))).to(batch.device)
    wide = share.view(-1, *[1] * (batch.ndim - 1))
    return (
        wide * batch + (1 - wide) * batch[partner],
        share[:, None] * targets + (1 - share[:, None]) * targets[partner],
    )


def _uniform(random: Generator, batch: int, largest: float) -> NDArray[np.float64]:
    return random.uniform(-largest, largest, batch)


def _per_item(values: NDArray[np.float64], batch: Tensor) -> Tensor:
    """One number for each item, to multiply with the batch."""
    return torch.from_numpy(values.astype(np.float32)).to(batch.device).view(-1, *[1] * (batch.ndim - 1))
