"""What every format shares: which part of a result to write, and what a writer is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from audiocnn.batch.genre_map import GenreMap
from audiocnn.batch.merge import merge_consecutive
from audiocnn.batch.result import FileResult
from audiocnn.errors import ConfigError
from audiocnn.prediction import Answers, Estimate, Prediction, Result, SegmentResult
from audiocnn.spec import MAIN, TaskSpec


@dataclass(frozen=True, slots=True)
class Selection:
    """What to write of a result: the best `top_k` predictions with at least `threshold` score, and whether to add the
    answer for each window.

    tasks: what the model answers, by name; the columns of tables come from it.
    merge: whether neighbouring windows with the same leading label become one span (see `merge_consecutive`).
    genre_map: what labels are called in tags and playlists.
    tags: whether results say what became of the tags in their files.
    Raises `ConfigError` for a `top_k` below 1 and a `threshold` that is no score.
    """

    top_k: int
    threshold: float = 0.0
    segments: bool = False
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict)
    merge: bool = False
    genre_map: GenreMap = field(default_factory=GenreMap)
    tags: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.top_k, int) and self.top_k >= 1):
            raise ConfigError(f"top_k must be a whole number of at least 1, got {self.top_k!r}")
        if not 0 <= self.threshold <= 1:  # so is NaN, which no score would reach
            raise ConfigError(f"threshold must be a score from 0 to 1, got {self.threshold!r}")

    def row(self, file: FileResult) -> dict[str, Any]:
        if self.merge and self.segments and isinstance(file.outcome, Result):
            file = replace(file, outcome=replace(file.outcome, segments=self.windows(file.outcome)))
        return file.to_json(top_k=self.top_k, threshold=self.threshold, segments=self.segments)

    def windows(self, result: Result) -> tuple[SegmentResult, ...]:
        """The windows of a file, merged if that was asked for."""
        return merge_consecutive(result.segments, self.threshold) if self.merge else result.segments

    def genres(self, result: Result) -> tuple[str, ...]:
        """What tags and playlists say of a file: the labels decided for, with at least `threshold` score, under their
        names in the genre map."""
        scores = {answer.label: answer.score for answer in result.predictions if isinstance(answer, Prediction)}
        return self.genre_map.renamed(label for label in result.labels if scores[label] >= self.threshold)

    def leading(self, answers: Answers) -> Answers:
        """What to call a window: its best label, of several labels those that are decided for, or all estimates.

        Labels below `threshold` are left out. Here a single label that the model is not sure of counts: what is
        unknown is decided over the whole file, and the score stands beside the label.
        """
        scores = {answer.label: answer.score for answer in answers if isinstance(answer, Prediction)}
        if not scores:
            return answers
        task = self.tasks.get(MAIN)
        if task is not None and task.kind == "multi_label":
            wanted = set(task.decided([scores[label] for label in task.labels]))
        else:
            wanted = {answers[0].label}
        return tuple(
            answer
            for answer in answers
            if isinstance(answer, Prediction) and answer.label in wanted and answer.score >= self.threshold
        )


def in_words(answer: Prediction | Estimate) -> str:
    """A label with its score, or a quantity with its value, for people: `rock 0.70`, `tempo 123.5 BPM`."""
    if isinstance(answer, Estimate):
        return f"{answer.label} {answer.value:.4g} {answer.unit}".rstrip()
    return f"{answer.label} {answer.score:.2f}"


class Writer(Protocol):
    """Writes one file's result after another."""

    def write(self, file: FileResult) -> None: ...
