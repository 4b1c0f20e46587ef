"""Random amounts, one for each window, from NumPy's generator: a CPU and a GPU see the same ones."""

import math

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

_NEPERS_PER_DB = math.log(10) / 20


def uniform(windows: Tensor, low: float, high: float, random: Generator) -> Tensor:
    """`(batch, 1)` on the device of the windows."""
    return torch.from_numpy(random.uniform(low, high, (len(windows), 1)).astype(np.float32)).to(windows.device)


def chance(windows: Tensor, probability: float, random: Generator) -> Tensor:
    """True with `probability`, `(batch, 1)` on the device of the windows."""
    return torch.from_numpy(random.random((len(windows), 1)) < probability).to(windows.device)


def from_db(value: Tensor) -> Tensor:
    """The factor of an amplitude that a level in dB stands for."""
    return torch.exp(value * _NEPERS_PER_DB)
