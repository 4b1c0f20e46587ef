"""Decode once: all clips in one memory-mapped file.

Random crops from it cost a page read, far less than seeking in encoded files. The cache's name is a hash of the
clips' paths, sizes and times and of what decides how they are decoded, so a changed data set makes a new one.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import ConfigError, MediaError
from training.data.manifest import Clip
from training.progress import track

_VERSION = 2


class Decoder(Protocol):
    """What turns a file into a row of items: the samples of a sound, the frames of a video, or one picture or volume.

    item_shape, dtype: of one item. settings: what else decides what comes out, as plain JSON types.
    """

    item_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    settings: Any

    def decode(self, path: Path) -> NDArray[Any]:
        """The items `(n, *item_shape)` of a file. Raises a `MediaError`."""
        ...


class Cache:
    """The decoded clips of a data set, by path: each a row of items."""

    def __init__(self, items: NDArray[Any], spans: dict[str, tuple[int, int]]) -> None:
        self._items = items
        self._spans = spans

    def readable(self, clips: Iterable[Clip]) -> list[Clip]:
        """The clips that could be decoded."""
        return [clip for clip in clips if str(clip.path) in self._spans]

    def num_items(self, clip: Clip) -> int:
        start, end = self._spans[str(clip.path)]
        return end - start

    def items(self, clip: Clip, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """The items `[start, stop)` of a clip, `(n, *item_shape)`, as they lie in the file."""
        first, end = self._spans[str(clip.path)]
        last = end if stop is None else min(first + stop, end)
        return self._items[first + start : last]


def open_cache(directory: Path, clips: Sequence[Clip], decoder: Decoder, max_unreadable: float) -> Cache:
    """The cache of `clips` below `directory`, decoded now if it is not there.

    Clips that cannot be decoded are left out. Raises `ConfigError` if they are more than the share `max_unreadable`.
    """
    name = _fingerprint(clips, decoder)
    data, index = directory / f"{name}.bin", directory / f"{name}.json"
    if not index.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        spans, unreadable = _decode_all(clips, decoder, data)
        # The index is written last: without it the cache does not exist, so a crash cannot leave half of one.
        write_atomically(index, json.dumps({"spans": spans, "unreadable": unreadable}).encode())
    content: dict[str, Any] = json.loads(index.read_text("utf-8"))
    unreadable = content["unreadable"]
    if len(unreadable) > max_unreadable * len(clips):
        path, reason = next(iter(unreadable.items()))
        raise ConfigError(
            f"{len(unreadable)} of {len(clips)} clips cannot be decoded, more than data.max_unreadable = "
            f"{max_unreadable:g} allows; the first is {path}: {reason}"
        )
    spans = {path: (start, end) for path, (start, end) in content["spans"].items()}
    shape = (max((end for _, end in spans.values()), default=0), *decoder.item_shape)
    if data.stat().st_size != decoder.dtype.itemsize * math.prod(shape):
        raise ConfigError(f"the cache {data} is cut short; delete it and {index.name} to decode again")
    return Cache(np.memmap(data, decoder.dtype, mode="r", shape=shape), spans)


def _fingerprint(clips: Sequence[Clip], decoder: Decoder) -> str:
    stats = [(str(clip.path), (s := clip.path.stat()).st_size, s.st_mtime_ns) for clip in clips]
    return hashlib.sha256(json.dumps([_VERSION, decoder.settings, stats]).encode()).hexdigest()[:16]


def _decode_all(
    clips: Sequence[Clip], decoder: Decoder, path: Path
) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    spans: dict[str, tuple[int, int]] = {}
    unreadable: dict[str, str] = {}
    position = 0
    temporary = path.with_suffix(f".{os.getpid()}")
    with temporary.open("wb") as file, ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(lambda clip: _decode(clip.path, decoder), clips)
        for clip, items in track(zip(clips, decoded, strict=True), "decoding", total=len(clips)):
            if isinstance(items, str):
                unreadable[str(clip.path)] = items
                continue
            file.write(items.tobytes())
            spans[str(clip.path)] = (position, position + len(items))
            position += len(items)
    os.replace(temporary, path)
    return spans, unreadable


def _decode(path: Path, decoder: Decoder) -> NDArray[Any] | str:
    """Items, or the reason why there are none."""
    try:
        return decoder.decode(path)
    except MediaError as error:
        return str(error)
