"""Neighbouring windows that say the same become one span."""

from collections.abc import Sequence
from statistics import fmean

from audiocnn.prediction import Answers, Estimate, Prediction, SegmentResult
from audiocnn.waveform import Segment


def merge_consecutive(segments: Sequence[SegmentResult], threshold: float = 0.0) -> tuple[SegmentResult, ...]:
    """The windows of a file with each run of the same leading label as one span, and each run of silence too.

    segments: in time order, as in `Result.segments`. threshold: a window whose best score is below it is led by no
      label, and such windows make spans of their own.
    A span reaches from the start of its first window to the end of its last, so spans overlap where windows did. Its
    scores are the means over its windows, best first. Windows with a gap between them stay apart, and so do those of a
    regression, which have no leading label.
    """
    runs: list[list[SegmentResult]] = []
    for segment in segments:
        if runs and _belongs(segment, runs[-1][-1], threshold):
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return tuple(_span(run) for run in runs)


def _belongs(segment: SegmentResult, before: SegmentResult, threshold: float) -> bool:
    if segment.segment.start > before.segment.end or segment.silent != before.silent:
        return False
    if any(isinstance(answer, Estimate) for answer in segment.predictions):
        return False
    return _leading(segment, threshold) == _leading(before, threshold)


def _leading(segment: SegmentResult, threshold: float) -> str | None:
    best = segment.predictions[0] if segment.predictions else None
    return best.label if isinstance(best, Prediction) and best.score >= threshold else None


def _span(run: list[SegmentResult]) -> SegmentResult:
    first, last = run[0], run[-1]
    if first is last:
        return first
    return SegmentResult(
        Segment(first.segment.start, max(window.segment.end for window in run), first.segment.sample_rate),
        first.silent,
        _mean([window.predictions for window in run]),
        {name: _mean([window.side[name] for window in run]) for name in first.side},
    )


def _mean(answers: Sequence[Answers]) -> Answers:
    scores: dict[str, list[float]] = {}
    values: dict[tuple[str, str], list[float]] = {}
    for answer in (answer for window in answers for answer in window):
        if isinstance(answer, Estimate):
            values.setdefault((answer.label, answer.unit), []).append(answer.value)
        else:
            scores.setdefault(answer.label, []).append(answer.score)
    if values:
        return tuple(Estimate(label, fmean(found), unit) for (label, unit), found in values.items())
    means = (Prediction(label, fmean(found)) for label, found in scores.items())
    return tuple(sorted(means, key=lambda prediction: prediction.score, reverse=True))
