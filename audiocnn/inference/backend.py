"""What computes logits: onnxruntime for serving, torch for training and research."""

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Device = Literal["cpu", "cuda", "auto"]
"""Where a network runs: on the CPU, on an NVIDIA GPU, or on the GPU where there is one."""


class Backend(Protocol):
    """A network ready to run. Safe to call from several threads at once."""

    def __call__(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits `(batch, outputs)` of float32 windows `(batch, channels, *axes)`."""
        ...
