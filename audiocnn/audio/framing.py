"""Cut a signal of any length into windows, in whole samples.

    window 8, hop 4, 18 samples:   0       8       16 18
                                   |-------|           [0, 8)
                                       |-------|       [4, 12)
                                           |-------|   [8, 16)
      tail "shift"                           |-------| [10, 18)  the last window moves back to end with the sound
      tail "pad"                               |-----00 [12, 18) and zeros
      tail "drop"                                      nothing: the last 2 samples are not heard

A sound shorter than one window is padded with zeros under "pad" and repeated until it fills the window under "shift"
and "drop", so that every sound of at least 1 sample gives at least one window.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples, Segment


def frame_blocks(blocks: Iterable[Samples], spec: AudioSpec) -> Iterator[tuple[Samples, Segment]]:
    """Windows `(1, window)` of a mono stream, each with the span of real samples it covers, in time order.

    Keeps at most one window and one block in memory. An empty stream gives no window.
    """
    window, hop = spec.window, spec.hop
    kept = np.empty((1, 0), np.float32)
    kept_at = 0  # position of kept[:, 0] in the stream
    next_start = 0
    for block in blocks:
        kept = np.concatenate([kept, block], axis=1)
        while next_start + window <= kept_at + kept.shape[1]:
            at = next_start - kept_at
            yield kept[:, at : at + window].copy(), Segment(next_start, next_start + window, spec.sample_rate)
            next_start += hop
        # The last `window` samples stay: the tail may need them.
        drop = max(kept.shape[1] - window, 0)
        kept, kept_at = kept[:, drop:], kept_at + drop
    end = kept_at + kept.shape[1]
    if end == 0:
        return
    heard_until = next_start - hop + window if next_start else 0
    if heard_until < end:
        yield from _tail(kept, kept_at, next_start, spec)


def _tail(kept: Samples, kept_at: int, next_start: int, spec: AudioSpec) -> Iterator[tuple[Samples, Segment]]:
    """The window of the samples that no whole window covers."""
    window, end = spec.window, kept_at + kept.shape[1]
    if spec.tail == "pad":
        rest = kept[:, next_start - kept_at :]
        padded = np.pad(rest, ((0, 0), (0, window - rest.shape[1])))
        yield padded, Segment(next_start, end, spec.sample_rate)
    elif end < window:
        repeats = -(-window // end)
        yield np.tile(kept, repeats)[:, :window], Segment(0, end, spec.sample_rate)
    elif spec.tail == "shift":
        yield kept[:, -window:].copy(), Segment(end - window, end, spec.sample_rate)
