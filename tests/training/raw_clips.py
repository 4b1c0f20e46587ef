"""Clips that need no decoder worth the name, in a module that a child process imports fast."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import UndecodableAudioError
from training.data.manifest import Clip


class Bytes:
    """A decoder for which a file is its samples, unless it begins with `bad`; it remembers what it decoded.

    It warns of files that begin with `odd`.
    """

    item_shape = ()
    dtype = np.dtype(np.int16)

    def __init__(self, settings: str = "plain", seconds: float = 0.0) -> None:
        self.settings = settings
        self.decoded: list[str] = []
        self._seconds = seconds

    def decode(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        self.decoded.append(path.name)
        time.sleep(self._seconds)
        content = path.read_bytes()
        if content.startswith(b"bad"):
            raise UndecodableAudioError("begins with bad")
        return np.frombuffer(content, np.int16), ["sounds odd"] if content.startswith(b"odd") else []


def content(number: int) -> bytes:
    return np.random.default_rng(number).integers(-9999, 9999, 500 + number).astype(np.int16).tobytes()


def clips_in(folder: Path) -> list[Clip]:
    return [Clip(path, ("a",)) for path in sorted(folder.iterdir())]
