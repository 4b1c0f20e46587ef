"""Decode once: the clips of all data sets that are decoded alike lie in one memory-mapped file.

Random crops from it cost a page read, far less than seeking in encoded files. A clip is found by the hash of its file's
bytes, so a changed file is decoded anew, and a moved or copied one is not. In the cache's folder:

    contents.jsonl          the hash of each file, so that one that did not change is not read again
    NAME/items.bin          decoded clips one after another; NAME is a hash of how they are decoded
    NAME/index.jsonl        where each clip lies, the hash of its items and what is wrong with it, or why it could not
                            be decoded

A clip is entered in the index when its items are written. Whatever ends the program, the next call goes on from there.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError
from training.data.content import content_hashes
from training.data.decoder import Decoder, decoded_ahead
from training.data.journal import Journal
from training.data.manifest import Clip
from training.data.unreadable import leave_out, warn_of
from training.progress import track

_VERSION = 4


@dataclass(frozen=True, slots=True)
class _Row:
    """Where the items of a clip lie, their SHA-256, and what the decoder says of them. content: the SHA-256 of the file
    they were decoded from."""

    content: str
    start: int
    end: int
    digest: str
    warnings: tuple[str, ...]


class Cache:
    """The decoded clips of a data set, by path: each a row of items.

    unreadable: the reasons why the other clips could not be decoded. warnings: what is wrong with those that could.
    item_size: bytes of an item.
    """

    def __init__(
        self, items: NDArray[Any], rows: Mapping[Path, _Row], unreadable: Mapping[Path, str], index: Journal
    ) -> None:
        self.unreadable = unreadable
        self.warnings = {path: "; ".join(row.warnings) for path, row in rows.items() if row.warnings}
        self.item_size = items.dtype.itemsize * math.prod(items.shape[1:])
        self._items = items
        self._rows = rows
        self._index = index
        self._checked: set[str] = set()

    def readable(self, clips: Iterable[Clip]) -> list[Clip]:
        """The clips that could be decoded."""
        return [clip for clip in clips if clip.path in self._rows]

    def content(self, clip: Clip) -> str:
        """The same for clips whose files have the same bytes; "" if the clip could not be decoded."""
        return row.content if (row := self._rows.get(clip.path)) else ""

    def digest(self, clip: Clip) -> str:
        """The same for clips with the same items, whatever their files look like; "" if it could not be decoded."""
        return row.digest if (row := self._rows.get(clip.path)) else ""

    def num_items(self, clip: Clip) -> int:
        row = self._rows[clip.path]
        return row.end - row.start

    def items(self, clip: Clip, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """The items `[start, stop)` of a clip, `(n, *item_shape)`, as they lie in the file.

        Raises `ConfigError` if they are not those that were written: the first time a clip is asked for, all of it is
        compared with its hash.
        """
        row = self._rows[clip.path]
        if row.content not in self._checked:
            self._check(clip, row)
        last = row.end if stop is None else min(row.start + stop, row.end)
        return self._items[row.start + start : last]

    def gather(
        self, clips: Sequence[Clip], starts: NDArray[np.int64], steps: NDArray[np.int64], *, wrap: bool
    ) -> NDArray[Any]:
        """See `training.data.store.Store`."""
        rows = [self._gather_one(clip, int(start), steps, wrap) for clip, start in zip(clips, starts, strict=True)]
        return np.stack(rows)

    def _gather_one(self, clip: Clip, start: int, steps: NDArray[np.int64], wrap: bool) -> NDArray[Any]:
        length, stop = self.num_items(clip), start + int(steps[-1]) + 1
        if start >= 0 and stop <= length:
            items = self.items(clip, start, stop)
            return items if len(items) == len(steps) else items[steps]
        items, places = self.items(clip), start + steps
        if wrap:
            return items[places % length]
        row = np.zeros((len(steps), *items.shape[1:]), items.dtype)
        inside = (places >= 0) & (places < length)
        row[inside] = items[places[inside]]
        return row

    def _check(self, clip: Clip, row: _Row) -> None:
        if hashlib.sha256(self._items[row.start : row.end].data).hexdigest() != row.digest:
            with suppress(OSError), self._index.writing() as append:  # a cache that is read-only keeps it
                append({"content": row.content, "lost": True})
            raise ConfigError(
                f"the cache's copy of {clip.path} is damaged; the same command again decodes it anew. "
                "If this comes back, test the disk or name another folder with --cache"
            )
        self._checked.add(row.content)


def open_cache(directory: Path, clips: Sequence[Clip], decoder: Decoder, max_unreadable: float) -> Cache:
    """The cache of `clips` below `directory`, made by `decode_all`; clips that cannot be decoded are left out.

    Warns of these, and of those that were decoded and have something wrong with them.
    Raises `ConfigError` if they are more than the share `max_unreadable`, and what `decode_all` raises.
    """
    cache = decode_all(directory, clips, decoder)
    leave_out(cache.unreadable, len(clips), max_unreadable)
    warn_of(cache.warnings, len(clips))
    return cache


def decode_all(directory: Path, clips: Sequence[Clip], decoder: Decoder) -> Cache:
    """The cache of `clips` below `directory`; those that are not there yet are decoded now.

    Of several processes one decodes and the others wait.
    Raises `ConfigError` if the cache cannot be written, as on a full disk.
    """
    folder = directory / _name(decoder)
    index, data = Journal(folder / "index.jsonl"), folder / "items.bin"
    try:
        contents, unreadable = content_hashes(directory, [clip.path for clip in clips])
        found = _whole(_latest(index), data, decoder)
        if not found.keys() >= set(contents.values()):
            folder.mkdir(parents=True, exist_ok=True)
            found = _decode_missing(contents, decoder, index, data)
    except OSError as error:
        raise ConfigError(
            f"cannot write the cache {directory}: {error.strerror or error}; make room or name another folder with "
            "--cache. What has been decoded is kept"
        ) from error
    rows: dict[Path, _Row] = {}
    for path, content in contents.items():
        row = found[content]
        if isinstance(row, _Row):
            rows[path] = row
        else:
            unreadable[path] = row
    shape = (max((row.end for row in rows.values()), default=0), *decoder.item_shape)
    items = np.memmap(data, decoder.dtype, "r", shape=shape) if rows else np.empty(shape, decoder.dtype)
    return Cache(items, rows, unreadable, index)


def _name(decoder: Decoder) -> str:
    settings = [_VERSION, decoder.settings, decoder.item_shape, decoder.dtype.str]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]


def _item_size(decoder: Decoder) -> int:
    return decoder.dtype.itemsize * math.prod(decoder.item_shape)


def _latest(index: Journal) -> dict[str, _Row | str]:
    """The newest row of each content, or the reason why there is none."""
    latest: dict[str, _Row | str] = {}
    for entry in index.entries():
        match entry:
            case {"content": str(content), "start": int(start), "end": int(end), "digest": str(digest), **rest}:
                latest[content] = _Row(content, start, end, digest, tuple(rest.get("warnings", ())))
            case {"content": str(content), "unreadable": str(reason)}:
                latest[content] = reason
            case {"content": str(content), "lost": True}:
                latest.pop(content, None)
    return latest


def _whole(rows: Mapping[str, _Row | str], data: Path, decoder: Decoder) -> dict[str, _Row | str]:
    """Those rows that the data is long enough for; rows are to be read before, as items are written before them."""
    length = _length(data, decoder)
    return {content: row for content, row in rows.items() if isinstance(row, str) or row.end <= length}


def _length(data: Path, decoder: Decoder) -> int:
    return data.stat().st_size // _item_size(decoder) if data.is_file() else 0


def _decode_missing(
    contents: Mapping[Path, str], decoder: Decoder, index: Journal, data: Path
) -> dict[str, _Row | str]:
    """All rows, after decoding those that are missing. Raises `OSError` if they cannot be written."""
    with ExitStack() as stack:
        append = stack.enter_context(index.writing())
        latest = _latest(index)
        found = _whole(latest, data, decoder)
        for content in latest.keys() - found.keys():
            append({"content": content, "lost": True})  # or its row would soon point at another clip
        # Behind the last row lies what a crash left half-written. Lost rows keep their place: somebody may read there.
        ends = [end for entry in index.entries() if isinstance(end := entry.get("end"), int)]
        position = min(max(ends, default=0), _length(data, decoder))
        file = stack.enter_context(data.open("ab"))
        file.truncate(position * _item_size(decoder))
        missing = {content: path for path, content in contents.items() if content not in found}
        pairs = zip(missing, decoded_ahead(missing.values(), decoder), strict=True)
        for content, outcome in stack.enter_context(closing(track(pairs, "decoding", total=len(missing)))):
            if isinstance(outcome, str):
                append({"content": content, "unreadable": outcome})
                found[content] = outcome
                continue
            items, warnings = outcome
            file.write(items.data)
            file.flush()
            digest = hashlib.sha256(items.data).hexdigest()
            row = _Row(content, position, position + len(items), digest, tuple(warnings))
            append(asdict(row))
            found[content], position = row, row.end
    return found
