"""Merging: what runs of windows become, and what never changes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocnn.batch.merge import merge_consecutive
from audiocnn.prediction import Estimate, Prediction, SegmentResult
from audiocnn.waveform import Segment

LABELS = ("rock", "pop", "jazz")


def window(start: int, *scores: float, length: int = 4, side: dict | None = None) -> SegmentResult:
    found = sorted((Prediction(*pair) for pair in zip(LABELS, scores)), key=lambda p: -p.score)  # noqa: B905
    return SegmentResult(Segment(start, start + length, 1), not scores, tuple(found), side or {})


def spans(segments, threshold=0.0):
    merged = merge_consecutive(segments, threshold)
    return [(s.segment.start, s.segment.end, s.predictions[0].label if s.predictions else None) for s in merged]


def test_a_run_of_one_label_is_one_span():
    windows = [window(0, 0.7, 0.3), window(4, 0.5, 0.3), window(8, 0.2, 0.6), window(12, 0.9, 0.1)]
    assert spans(windows) == [(0, 8, "rock"), (8, 12, "pop"), (12, 16, "rock")]


def test_scores_are_means_over_the_windows_best_first():
    (span,) = merge_consecutive([window(0, 0.6, 0.1, 0.3), window(4, 0.5, 0.45, 0.05)])
    assert [(p.label, pytest.approx(p.score)) for p in span.predictions] == [
        ("rock", 0.55), ("pop", 0.275), ("jazz", 0.175)
    ]  # fmt: skip


def test_overlapping_windows_make_overlapping_spans():
    assert spans([window(0, 1, 0), window(2, 1, 0), window(4, 0, 1)]) == [(0, 6, "rock"), (4, 8, "pop")]


def test_windows_with_a_gap_stay_apart():
    assert spans([window(0, 1, 0), window(5, 1, 0)]) == [(0, 4, "rock"), (5, 9, "rock")]


def test_silence_is_merged_with_silence_only():
    windows = [window(0, 1, 0), window(4), window(8), window(12, 1, 0)]
    merged = merge_consecutive(windows)
    assert [(s.segment.start, s.segment.end, s.silent) for s in merged] == [
        (0, 4, False), (4, 12, True), (12, 16, False)
    ]  # fmt: skip


def test_below_the_threshold_no_label_leads():
    windows = [window(0, 0.9, 0.1), window(4, 0.45, 0.4), window(8, 0.4, 0.45), window(12, 0.8, 0.1)]
    assert [span[:2] for span in spans(windows, 0.5)] == [(0, 4), (4, 12), (12, 16)]


def test_side_tasks_are_averaged_beside_the_label():
    def side(mood, tempo):
        return {"mood": (Prediction("calm", mood),), "tempo": (Estimate("tempo", tempo, "BPM"),)}

    (span,) = merge_consecutive([window(0, 1, 0, side=side(0.2, 100.0)), window(4, 1, 0, side=side(0.4, 110.0))])
    assert span.side["mood"][0].score == pytest.approx(0.3)
    assert span.side["tempo"] == (Estimate("tempo", 105.0, "BPM"),)


def test_windows_of_a_regression_stay_as_they_are():
    windows = tuple(
        SegmentResult(Segment(start, start + 4, 1), False, (Estimate("tempo", 120.0, "BPM"),)) for start in (0, 4)
    )
    assert merge_consecutive(windows) == windows


scores = st.lists(st.floats(0, 1), min_size=3, max_size=3)


@given(st.lists(st.one_of(st.just([]), scores), max_size=20), st.floats(0, 1), st.integers(1, 6))
def test_every_moment_stays_covered_and_no_neighbours_are_left_to_merge(found, threshold, hop):
    windows = [window(i * hop, *values) for i, values in enumerate(found)]
    merged = merge_consecutive(windows, threshold)

    def covered(segments):
        return {second for s in segments for second in range(s.segment.start, s.segment.end)}

    assert covered(merged) == covered(windows)
    assert len(merge_consecutive(merged, 0.0)) <= len(merged) <= len(windows)
    assert all(a.segment.start < b.segment.start for a, b in pairwise(merged))
    for span in merged:
        if span.silent:
            assert span.predictions == ()
