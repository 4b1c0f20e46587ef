"""Frames at a steady rate against the definition: at each time, the frame shown nearest to it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocnn.visual.timing import at_rate


def steady(starts, end, rate):
    """The numbers of the frames that come out of frames shown from `starts` on, the last until `end`."""
    stops = [*starts[1:], end]
    return list(at_rate(((a, b, i) for i, (a, b) in enumerate(zip(starts, stops, strict=True))), rate))


def at_constant_rate(num_frames, from_rate, to_rate):
    return steady([Fraction(i, from_rate) for i in range(num_frames)], Fraction(num_frames, from_rate), to_rate)


@given(num_frames=st.integers(1, 50), rate=st.integers(1, 120))
def test_the_same_rate_changes_nothing(num_frames, rate):
    assert at_constant_rate(num_frames, rate, rate) == list(range(num_frames))


@pytest.mark.parametrize(
    ("from_rate", "to_rate", "expected"),
    [
        (30, 15, [0, 2, 4]),
        (30, 10, [0, 3]),
        (10, 20, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),  # half way between two frames the first still counts
        (10, 30, [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5]),
        (25, 10, [0, 2]),
        (60, 1, [0]),
    ],
)
def test_constant_rates(from_rate, to_rate, expected):
    assert at_constant_rate(6, from_rate, to_rate) == expected


def test_times_rounded_to_milliseconds_change_nothing():
    """As WebM writes them: no frame is doubled or lost at the same rate or at half of it."""
    starts = [Fraction(round(1000 * i / 30), 1000) for i in range(90)]
    assert steady(starts, Fraction(3), 30) == list(range(90))
    assert steady(starts, Fraction(3), 15) == list(range(0, 90, 2))


@given(
    gaps=st.lists(st.fractions(Fraction(1, 200), 2), min_size=1, max_size=20),
    rate=st.integers(1, 60),
)
def test_any_times(gaps, rate):
    starts = [sum(gaps[:i], Fraction(0)) for i in range(len(gaps))]
    end = sum(gaps)
    got = steady(starts, end, rate)
    for index, frame in enumerate(got):
        time = Fraction(index, rate)
        assert abs(starts[frame] - time) == min(abs(start - time) for start in starts)
    assert len(got) >= max(round(end * rate), 1)
    assert len(got) <= end * rate + 1
    if len(got) < rate * end:  # what is left out is less than half a frame
        assert rate * end - len(got) <= Fraction(1, 2)


def test_nothing_comes_of_nothing():
    assert list(at_rate([], 10)) == []
