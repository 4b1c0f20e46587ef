"""Where training windows are cut from: the memory-mapped cache, or a copy of its items in the memory of the device."""

import logging
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from audiocnn.errors import ConfigError
from training.data.cache import Cache
from training.data.manifest import Clip

logger = logging.getLogger(__name__)

_SHARE_OF_FREE_MEMORY = 0.5  # the rest is for the network


class Store(Protocol):
    """Decoded clips, each a row of items. Both kinds give the same windows bit for bit."""

    def num_items(self, clip: Clip) -> int: ...

    def gather(
        self, clips: Sequence[Clip], starts: NDArray[np.int64], steps: NDArray[np.int64], *, wrap: bool
    ) -> NDArray[Any] | Tensor:
        """The items `starts[i] + steps` of each clip `i`, as `(clips, steps, *item_shape)`.

        steps: multiples of one number from 0 up, rounded down. Beyond the ends of a clip its items come again if
        `wrap`, else zeros.
        """
        ...


def store_of(
    cache: Cache, clips: Sequence[Clip], where: Literal["auto", "always", "never"], device: torch.device
) -> Store:
    """Where to cut windows of `clips` from, as `train.data_on_device` says: a `DeviceStore`, or the cache itself.

    `auto` takes the cache where the device turns out to have no room. Raises `ConfigError` if `always` does.
    """
    size = sum(cache.num_items(clip) for clip in clips) * cache.item_size
    fits = device.type == "cuda" and size <= _SHARE_OF_FREE_MEMORY * torch.cuda.mem_get_info(device)[0]
    if where == "never" or (where == "auto" and not fits):
        return cache
    try:
        return DeviceStore(cache, clips, device)
    except torch.OutOfMemoryError as error:
        problem = f"the decoded clips need {size / 2**30:.1f} GiB, which {device} has not free"
        if where == "always":
            raise ConfigError(f"{problem}; set train.data_on_device = 'auto'") from error
        logger.warning("%s: windows are cut from the cache", problem)
        return cache


def cut(
    store: Store, clips: Sequence[Clip], at: NDArray[np.float64], steps: NDArray[np.int64], *, wrap: bool
) -> Tensor:
    """One window of each clip, `(clips, steps, *item_shape)`; see `Store.gather` for `steps`.

    at: where in its clip each window starts, from 0 to 1. A clip shorter than the window comes again after
    its end if `wrap`, or else stands among zeros, as inference would have it, but starting anywhere.
    """
    lengths = np.array([store.num_items(clip) for clip in clips])
    room = lengths - int(steps[-1])  # places where a window may start
    short = at * lengths if wrap else -at * (2 - room)
    starts = np.where(room > 0, at * room, short).astype(np.int64)
    return torch.as_tensor(store.gather(clips, starts, steps, wrap=wrap))


class DeviceStore:
    """All items of some clips in one tensor on a device; the windows of a batch are cut there in one operation."""

    def __init__(self, cache: Cache, clips: Sequence[Clip], device: torch.device) -> None:
        lengths = [cache.num_items(clip) for clip in clips]
        ends = np.cumsum(lengths).tolist()
        self._spans = {clip.path: (end - n, n) for clip, n, end in zip(clips, lengths, ends, strict=True)}
        first = torch.from_numpy(np.array(cache.items(clips[0])))
        self._items = torch.empty((ends[-1], *first.shape[1:]), dtype=first.dtype, device=device)
        for clip, n, end in zip(clips, lengths, ends, strict=True):
            self._items[end - n : end] = torch.from_numpy(np.array(cache.items(clip)))

    def num_items(self, clip: Clip) -> int:
        return self._spans[clip.path][1]

    def gather(
        self, clips: Sequence[Clip], starts: NDArray[np.int64], steps: NDArray[np.int64], *, wrap: bool
    ) -> Tensor:
        """See `Store`."""
        spans = np.array([self._spans[clip.path] for clip in clips])
        ends_inside = (starts >= 0) & (starts + steps[-1] < spans[:, 1])
        table = np.stack([starts, spans[:, 0], spans[:, 1]], axis=1)[..., np.newaxis]
        start, first, length = torch.from_numpy(table).to(self._items.device).unbind(1)
        places = start + torch.from_numpy(steps).to(self._items.device)
        if ends_inside.all():  # known without asking the device, which would have to be waited for
            return self._items[first + places]
        if wrap:
            return self._items[first + places % length]
        inside = (places >= 0) & (places < length)
        found = self._items[first + torch.where(inside, places, 0)]
        return found.masked_fill_(~inside.reshape(inside.shape + (1,) * (found.ndim - 2)), 0)
