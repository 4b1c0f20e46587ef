"""Every window of every stream against a whole-array reference, whatever the blocks it came in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.framing import frame_blocks
from audiocnn.waveform import Segment

TAILS = ("shift", "pad", "drop")


def frames(num_samples, window, hop, tail, sizes=(1 << 30,)):
    """Windows of the stream 1, 2, 3, ..., cut into blocks of `sizes` in turn; zeros can then only be padding."""
    stream = np.arange(1, num_samples + 1, dtype=np.float32)[np.newaxis]
    blocks, at = [], 0
    while at < num_samples:
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(stream[:, at : at + size])
        at += size
    framed = frame_blocks(blocks, window=window, hop=hop, tail=tail, rate=16_000)
    return [(samples[0].tolist(), segment) for samples, segment in framed]


def reference(num_samples, window, hop, tail):
    """The same from the whole array, in the words of the documentation."""
    stream = list(range(1, num_samples + 1))
    spans = [(start, start + window) for start in range(0, num_samples - window + 1, hop)]
    expected = [(stream[a:b], a, b) for a, b in spans]
    heard_until = spans[-1][1] if spans else 0
    if num_samples == heard_until:
        return expected
    if tail == "pad":
        start = len(spans) * hop
        rest = stream[start:]
        expected.append((rest + [0] * (window - len(rest)), start, num_samples))
    elif num_samples < window:
        expected.append(((stream * window)[:window], 0, num_samples))
    elif tail == "shift":
        expected.append((stream[-window:], num_samples - window, num_samples))
    return expected


@settings(max_examples=500, deadline=None)
@given(
    num_samples=st.integers(0, 200),
    window=st.integers(1, 40),
    hop_part=st.floats(0, 1),
    tail=st.sampled_from(TAILS),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
)
def test_any_stream_in_any_blocks(num_samples, window, hop_part, tail, sizes):
    hop = 1 + int(hop_part * (window - 1))
    got = frames(num_samples, window, hop, tail, sizes)
    assert [(samples, s.start, s.end) for samples, s in got] == reference(num_samples, window, hop, tail)

    starts = [segment.start for _, segment in got]
    assert starts == sorted(set(starts))
    covered = set().union(*(range(s.start, s.end) for _, s in got)) if got else set()
    left_out = num_samples - len(covered)
    assert left_out == 0 if tail != "drop" or num_samples < window else left_out < hop
    assert bool(got) == (num_samples > 0)


@pytest.mark.parametrize(
    ("tail", "last", "span"),
    [
        ("shift", [11, 12, 13, 14, 15, 16, 17, 18], (10, 18)),
        ("pad", [13, 14, 15, 16, 17, 18, 0, 0], (12, 18)),
        ("drop", [9, 10, 11, 12, 13, 14, 15, 16], (8, 16)),
    ],
)
def test_the_drawing_in_the_documentation(tail, last, span):
    got = frames(18, 8, 4, tail)
    assert [(s.start, s.end) for _, s in got[:3]] == [(0, 8), (4, 12), (8, 16)]
    assert got[-1] == (last, Segment(*span, 16_000))
    assert len(got) == (3 if tail == "drop" else 4)


@pytest.mark.parametrize(
    ("tail", "expected"), [("shift", [1, 2, 3, 1, 2]), ("drop", [1, 2, 3, 1, 2]), ("pad", [1, 2, 3, 0, 0])]
)
def test_shorter_than_one_window(tail, expected):
    assert frames(3, 5, 5, tail) == [(expected, Segment(0, 3, 16_000))]


@pytest.mark.parametrize("tail", TAILS)
def test_exactly_one_window_has_no_tail(tail):
    assert frames(5, 5, 2, tail) == [([1, 2, 3, 4, 5], Segment(0, 5, 16_000))]


def test_windows_share_memory_neither_with_the_stream_nor_with_one_another():
    block = np.ones((1, 9), np.float32)
    for samples, _ in frame_blocks([block], window=4, hop=2, tail="shift", rate=16_000):
        assert samples.max() == 1
        samples[:] = 7
    assert block.max() == 1
