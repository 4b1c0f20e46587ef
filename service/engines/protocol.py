"""`Engine`: what the routes know of whatever classifies."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audiocnn import DecodeLimits, ModelSpec, Result
from audiocnn.audio.reader import AudioReader
from audiocnn.insight.inspection import Inspection
from audiocnn.prediction import LiveAnswer, ModelInfo

Served = tuple[ModelSpec, ModelInfo]


@dataclass(frozen=True, slots=True)
class ClassifyRequest:
    """One file to classify.

    data: the encoded file, or the path of one. model: a name, None for the default model.
    window_s, hop_s: other windows than the model's own.
    deadline_s: when the answer must be there, in seconds of `time.monotonic`; None for any time.
    limits: what to refuse, None for what the settings say.
    background: a job, which has threads of its own and takes no place in the queue.
    progress: called with the seconds heard so far, from another thread; what it raises ends the work.
    """

    data: bytes | Path
    model: str | None = None
    window_s: float | None = None
    hop_s: float | None = None
    deadline_s: float | None = None
    limits: DecodeLimits | None = None
    background: bool = False
    progress: Callable[[float], None] | None = None


@dataclass(frozen=True, slots=True)
class InspectRequest:
    """One file to look into a model with.

    layers: whose maps to give; none for one of each resolution. rows, columns: of each map, at most. silence: whether
    to give the curve of the silence detector. The others are those of `ClassifyRequest`.
    """

    data: bytes
    model: str | None = None
    layers: Sequence[str] = ()
    rows: int = 64
    columns: int = 300
    silence: bool = True
    deadline_s: float | None = None


class Engine(Protocol):
    """Models at work somewhere: in this process or elsewhere."""

    async def start(self) -> None:
        """Load the models; everything else works from here on."""
        ...

    async def close(self) -> None:
        """Release everything; nothing is classified afterwards."""
        ...

    @property
    def ready(self) -> bool:
        """Whether `classify` works."""
        ...

    @property
    def queue_depth(self) -> int:
        """How many files wait for a worker."""
        ...

    def models(self) -> list[Served]:
        """The models that answer, the default one first. Raises `NotReadyError` before `start`."""
        ...

    def find(self, model: str | None) -> Served:
        """The model of that name, the default one for None. Raises `UnknownModelError`, and `NotReadyError`."""
        ...

    def card(self, model: str) -> str:
        """The model card in Markdown, empty for a model that came without. Raises what `find` raises."""
        ...

    async def classify(self, request: ClassifyRequest) -> Result:
        """The answer for a file, with the time it waited.

        Work that nobody waits for any more, because the call is cancelled or its deadline has passed, is not begun,
        and ends soon if it was.
        Raises a `MediaError` for a bad file, `WindowError`, `OverloadedError` if too much waits already,
        `DeadlineExceededError`, and what `find` raises.
        """
        ...

    async def inspect(self, request: InspectRequest) -> Inspection:
        """What a model makes of a file on the way to its answer.

        Raises `NotInspectableError` for a model whose file does not say what its layers are, `InvalidParameterError`
        for a layer that is not there, and what `classify` raises.
        """
        ...

    async def infer(self, model: str, windows: NDArray[np.float32], deadline_s: float) -> NDArray[np.float64]:
        """Logits `(batch, outputs)` of model inputs that are already prepared.

        Raises `ConfigError` for input that the model does not take, and what `classify` raises.
        """
        ...

    def live(
        self, model: str | None, reader: AudioReader, limits: DecodeLimits, *, hop_s: float | None
    ) -> Iterator[LiveAnswer]:
        """Answers for sound while it comes; the iterator works, and waits for sound, in the thread that asks it."""
        ...

    async def reload(self, model: str) -> Served:
        """Load a model's files anew; it answers from the moment they are known to work.

        Requests at work finish on the earlier one. Raises `ReloadFailedError`, with the earlier one still answering,
        and what `find` raises.
        """
        ...
