"""What computes logits: onnxruntime for serving, torch for training and research."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocnn.waveform import Samples


class Backend(Protocol):
    """A network ready to run. Safe to call from several threads at once."""

    def __call__(self, windows: Samples) -> NDArray[np.float32]:
        """Logits `(batch, outputs)` of float32 windows `(batch, 1, samples)`."""
        ...
