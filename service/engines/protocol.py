"""`Engine`: what the routes know of whatever classifies."""

from typing import Protocol

from audiocnn import ModelSpec, Result
from audiocnn.prediction import ModelInfo


class Engine(Protocol):
    """A model at work somewhere: in this process or elsewhere."""

    async def start(self) -> None:
        """Load the model; `models` and `classify` work from here on."""
        ...

    async def close(self) -> None:
        """Release everything; nothing is classified afterwards."""
        ...

    @property
    def ready(self) -> bool:
        """Whether `classify` works."""
        ...

    @property
    def model(self) -> tuple[ModelSpec, ModelInfo]:
        """The model that answers. Raises `NotReadyError` before `start`."""
        ...

    @property
    def queue_depth(self) -> int:
        """How many files wait."""
        ...

    async def classify(self, data: bytes, deadline_s: float) -> Result:
        """The answer for encoded audio, with the time it waited.

        deadline_s: when it must be there, in seconds of `time.monotonic`. Cancelled, it drops what has not begun.
        Raises an `AudioError` for bad audio, `NotReadyError`, `OverloadedError` if too much waits already, and
        `DeadlineExceededError`.
        """
        ...
