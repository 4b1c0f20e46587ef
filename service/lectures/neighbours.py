"""Who needs neighbours: networks that learned digits as they are, and others that learned them with shuffled pixels.

`networks` holds them, trained on MNIST and written by `python -m training.lectures.permuted_pixels --keep`.
"""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.inference.onnx_backend import open_session
from service.lectures.blocks import digit_pixels, plain
from service.schemas.lectures import DigitRequest

_NETWORKS = Path(__file__).parent / "networks"
_NAMES = {"perceptron": "mlp", "convolutional": "mnist-cnn"}


def ask_neighbours(request: DigitRequest) -> dict[str, Any]:
    """What each network says of the digit in the order of pixels that it knows. Raises `InvalidTensorError`."""
    ordered = digit_pixels(request)
    shuffled = ordered.reshape(-1)[_order()].reshape(28, 28)
    return {
        "shuffled": plain(shuffled),
        "networks": [
            {"kind": kind, "pixels": pixels, "scores": plain(_scores(f"{name}{end}", digit))}
            for kind, name in _NAMES.items()
            for pixels, end, digit in (("ordered", "", ordered), ("shuffled", "-shuffled", shuffled))
        ],
    }


def _scores(name: str, digit: NDArray[np.float32]) -> NDArray[np.float32]:
    logits = _session(name).run(None, {"x": digit[np.newaxis, np.newaxis]})[0][0]
    powers = np.exp(logits - logits.max())
    scores: NDArray[np.float32] = powers / powers.sum()
    return scores


@functools.cache
def _session(name: str) -> Any:
    return open_session(_NETWORKS / f"{name}.onnx")


@functools.cache
def _order() -> NDArray[np.int64]:
    return np.array(json.loads((_NETWORKS / "order.json").read_text("utf-8")))
