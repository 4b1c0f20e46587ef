"""Cut sound or video of any length into windows, in whole samples or frames.

    window 8, hop 4, 18 samples:   0       8       16 18
                                   |-------|           [0, 8)
                                       |-------|       [4, 12)
                                           |-------|   [8, 16)
      tail "shift"                           |-------| [10, 18)  the last window moves back to end with the sound
      tail "pad"                               |-----00 [12, 18) and zeros
      tail "drop"                                      nothing: the last 2 samples are not heard

What is shorter than one window is padded with zeros under "pad" and repeated until it fills the window under "shift"
and "drop", so that everything of at least 1 sample gives at least one window.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from audiocnn.spec import Tail
from audiocnn.waveform import Segment

Scalar = TypeVar("Scalar", bound=np.generic)


def frame_blocks(
    blocks: Iterable[NDArray[Scalar]], *, window: int, hop: int, tail: Tail, rate: int
) -> Iterator[tuple[NDArray[Scalar], Segment]]:
    """Windows of a stream, each with the span of real samples it covers, in time order.

    blocks: arrays whose axis 1 is time, `(channels, n)` of samples or `(channels, n, height, width)` of frames; the
    windows have `window` along it. rate: samples or frames a second, for the segments.
    Keeps at most one window and one block in memory. An empty stream gives no window.
    """
    kept: NDArray[Scalar] | None = None
    kept_at = 0  # position of kept[:, 0] in the stream
    next_start = 0
    for block in blocks:
        kept = block if kept is None else np.concatenate([kept, block], axis=1)
        while next_start + window <= kept_at + kept.shape[1]:
            at = next_start - kept_at
            yield kept[:, at : at + window].copy(), Segment(next_start, next_start + window, rate)
            next_start += hop
        # The last `window` samples stay: the tail may need them.
        drop = max(kept.shape[1] - window, 0)
        kept, kept_at = kept[:, drop:], kept_at + drop
    if kept is None or kept_at + kept.shape[1] == 0:
        return
    end = kept_at + kept.shape[1]
    heard_until = next_start - hop + window if next_start else 0
    if heard_until == end:
        return
    if tail == "pad":
        rest = kept[:, next_start - kept_at :]
        padded: NDArray[Any] = np.zeros((rest.shape[0], window, *rest.shape[2:]), rest.dtype)
        padded[:, : rest.shape[1]] = rest
        yield padded, Segment(next_start, end, rate)
    elif end < window:
        yield kept[:, np.arange(window) % end], Segment(0, end, rate)
    elif tail == "shift":
        yield kept.copy(), Segment(end - window, end, rate)
