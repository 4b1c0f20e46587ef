"""Results as one table in memory, for data frames."""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult
from audiocnn.prediction import Answers, Estimate, Result
from audiocnn.spec import MAIN, Quantity, TaskSpec

if TYPE_CHECKING:
    import pyarrow as pa


def to_table(
    results: Iterable[FileResult],
    *,
    top_k: int = 5,
    threshold: float = 0.0,
    segments: bool = False,
    merge: bool = False,
) -> "pa.Table":
    """The rows that `--format parquet` writes, as a `pyarrow.Table`; `.to_pandas()` makes a data frame of it.

        table = to_table(classify_files(["a.mp3", "b.flac"], Classifier.load("genre")), top_k=1)

    results: of one model. top_k, threshold: which predictions become columns and values. segments: whether there is a
    row for each window and not for each file. merge: whether neighbouring windows with the same label are one.
    If no result has predictions, the table has no columns for them. Raises `MissingExtraError` without pyarrow.
    """
    from audiocnn.batch.formats.parquet import ROWS_PER_GROUP, TableBuilder, concatenated

    files = iter(results)
    head: list[FileResult] = []
    tasks: dict[str, TaskSpec] = {}
    for file in files:
        head.append(file)
        if isinstance(file.outcome, Result) and file.outcome.predictions:
            tasks = {name: _task(answers) for name, answers in _answers(file.outcome).items()}
            break
    builder = TableBuilder(Selection(top_k, threshold, segments, tasks, merge))
    parts = []
    for file in chain(head, files):
        builder.add(file)
        if len(builder) >= ROWS_PER_GROUP:
            parts.append(builder.take())
    return concatenated([*parts, builder.take()])


def _answers(result: Result) -> dict[str, Answers]:
    return {MAIN: result.predictions, **result.side}


def _task(answers: Answers) -> TaskSpec:
    """A task that these could be answers to: what matters here is how many there are, and of which kind."""
    labels = tuple(answer.label for answer in answers)
    quantities = tuple(Quantity(answer.unit) for answer in answers if isinstance(answer, Estimate))
    return TaskSpec("regression" if quantities else "multi_label", labels, quantities)
