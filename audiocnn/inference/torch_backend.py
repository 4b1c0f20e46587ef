"""Inference with torch, on any device it knows."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class TorchBackend:
    """Runs a network in evaluation mode on `device`."""

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        self._network = network.eval().to(device)
        self._device = device

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = (
                self._network(torch.from_numpy(windows).to(self._device)).float().cpu().numpy()
            )
        return logits
