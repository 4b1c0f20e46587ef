"""Band-limited sample rate conversion with soxr HQ, which keeps aliases below -100 dB (tested)."""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from audiocnn.waveform import Samples, Waveform


def resample_blocks(blocks: Iterable[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    """Convert mono blocks `(1, n)` from `from_rate` to `to_rate` Hz as one continuous signal.

    The boundaries of the blocks leave no trace; empty results are skipped.
    """
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        out = stream.resample_chunk(block[0])
        if len(out):
            yield out[np.newaxis]
    out = stream.resample_chunk(np.empty(0, np.float32), last=True)
    if len(out):
        yield out[np.newaxis]


def resample(waveform: Waveform, sample_rate: int) -> Waveform:
    """`waveform` at `sample_rate` Hz, channel by channel."""
    channels = [
        np.concatenate(
            [
                np.empty((1, 0), np.float32),
                *resample_blocks([waveform.samples[c : c + 1]], waveform.sample_rate, sample_rate),
            ],
            axis=1,
        )
        for c in range(waveform.channels)
    ]
    return Waveform(np.concatenate(channels), sample_rate)
