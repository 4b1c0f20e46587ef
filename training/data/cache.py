"""Decode once: all clips as mono int16 at the model's rate in one memory-mapped file.

Random crops from it cost a page read, far less than seeking in encoded files. The cache's name is a hash of the
clips' paths, sizes and times and of the sample rate, so a changed data set makes a new one.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.audio.decode import open_audio
from audiocnn.audio.prepare import mono_blocks
from audiocnn.checkpoint import write_atomically
from audiocnn.errors import ConfigError, MediaError
from audiocnn.waveform import Samples
from training.data.manifest import Clip
from training.progress import track

_VERSION = 1
FULL_SCALE = 32767


class Cache:
    """The decoded clips of a data set, by path."""

    def __init__(self, samples: NDArray[np.int16], spans: dict[str, tuple[int, int]]) -> None:
        self._samples = samples
        self._spans = spans

    def readable(self, clips: Iterable[Clip]) -> list[Clip]:
        """The clips that could be decoded."""
        return [clip for clip in clips if str(clip.path) in self._spans]

    def num_samples(self, clip: Clip) -> int:
        start, end = self._spans[str(clip.path)]
        return end - start

    def samples(self, clip: Clip, start: int = 0, stop: int | None = None) -> Samples:
        """Mono float32 samples `[start, stop)` of a clip, shape `(n,)`."""
        first, end = self._spans[str(clip.path)]
        last = end if stop is None else min(first + stop, end)
        out: Samples = self._samples[first + start : last].astype(np.float32) / np.float32(FULL_SCALE)
        return out


def open_cache(directory: Path, clips: Sequence[Clip], sample_rate: int, max_unreadable: float) -> Cache:
    """The cache of `clips` below `directory`, decoded now if it is not there.

    Clips that cannot be decoded are left out. Raises `ConfigError` if they are more than the share `max_unreadable`.
    """
    name = _fingerprint(clips, sample_rate)
    data, index = directory / f"{name}.i16", directory / f"{name}.json"
    if not index.is_file():
        directory.mkdir(parents=True, exist_ok=True)
        spans, unreadable = _decode_all(clips, sample_rate, data)
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
    total = max((end for _, end in spans.values()), default=0)
    if data.stat().st_size != 2 * total:
        raise ConfigError(f"the cache {data} is cut short; delete it and {index.name} to decode again")
    return Cache(np.memmap(data, np.int16, mode="r", shape=(total,)), spans)


def _fingerprint(clips: Sequence[Clip], sample_rate: int) -> str:
    stats = [(str(clip.path), (s := clip.path.stat()).st_size, s.st_mtime_ns) for clip in clips]
    return hashlib.sha256(json.dumps([_VERSION, sample_rate, stats]).encode()).hexdigest()[:16]


def _decode_all(
    clips: Sequence[Clip], sample_rate: int, path: Path
) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    spans: dict[str, tuple[int, int]] = {}
    unreadable: dict[str, str] = {}
    position = 0
    temporary = path.with_suffix(f".{os.getpid()}")
    with temporary.open("wb") as file, ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(lambda clip: _decode(clip.path, sample_rate), clips)
        for clip, samples in track(zip(clips, decoded, strict=True), "decoding", total=len(clips)):
            if isinstance(samples, str):
                unreadable[str(clip.path)] = samples
                continue
            file.write(samples.tobytes())
            spans[str(clip.path)] = (position, position + len(samples))
            position += len(samples)
    os.replace(temporary, path)
    return spans, unreadable


def _decode(path: Path, sample_rate: int) -> NDArray[np.int16] | str:
    """Samples, or the reason why there are none."""
    try:
        with open_audio(path) as reader:
            mono = np.concatenate([np.empty((1, 0), np.float32), *mono_blocks(reader, sample_rate)], axis=1)[0]
    except MediaError as error:
        return str(error)
    if not len(mono):
        return "shorter than one sample at the model's rate"
    peak = max(1.0, float(np.abs(mono).max()))  # float files may exceed full scale; clipping would change their sound
    samples: NDArray[np.int16] = (mono / peak * FULL_SCALE).round().astype(np.int16)
    return samples
