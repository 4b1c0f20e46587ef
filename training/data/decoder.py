"""What the cache holds is decoded by: files become rows of items, a few files ahead of who asks for them."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import MediaError

Decoded = tuple[NDArray[Any], Sequence[str]]
"""The items `(n, *item_shape)` of a file, and warnings of what is wrong with them, such as that it is cut short."""


class Decoder(Protocol):
    """What turns a file into a row of items: the samples of a sound, the frames of a video, or one picture or volume.

    item_shape, dtype: of one item. settings: what else decides what comes out, as plain JSON types.
    """

    item_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    settings: Any

    def decode(self, path: Path) -> Decoded:
        """What is in a file. Raises a `MediaError`."""
        ...


def decoded_ahead(paths: Iterable[Path], decoder: Decoder) -> Iterator[Decoded | str]:
    """What is in each file, or the reason why it cannot be decoded."""
    threads = os.cpu_count() or 1
    ahead: deque[Future[Decoded | str]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for path in paths:
            ahead.append(pool.submit(_decode, path, decoder))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _decode(path: Path, decoder: Decoder) -> Decoded | str:
    try:
        items, warnings = decoder.decode(path)
    except MediaError as error:
        return str(error)
    return np.ascontiguousarray(items, decoder.dtype), warnings
