"""Results as the rows of a table: named columns of one type each, which CSV, Parquet and Arrow tables share."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult, duration_s
from audiocnn.spec import MAIN, TaskSpec

Kind = Literal["text", "number", "truth", "texts"]
"""What a cell holds, if it is not None: a text, a float, true or false, or a list of texts."""

_FIELD_KINDS: Mapping[str, Kind] = {"label": "text", "unit": "text", "score": "number", "value": "number"}


def columns(selection: Selection) -> dict[str, Kind]:
    """The columns of a table, in their order.

    After the file come `label, score, label_2, score_2, ...` up to `top_k` pairs, of a regression `label, value, unit`
    for each quantity, and `labels`, those decided for over the whole file. The columns of a side task are called
    `NAME_label, NAME_score, ..., NAME_labels`. With segments there is the span of each window before them.
    """
    spans: dict[str, Kind] = {"start_s": "number", "end_s": "number", "silent": "truth"} if selection.segments else {}
    tags: dict[str, Kind] = (
        {"tag": "text", "tag_genres": "texts", "tag_before": "texts", "tag_detail": "text"} if selection.tags else {}
    )
    answers: dict[str, Kind] = {}
    for name, task in selection.tasks.items():
        answers |= _answer_columns(name, task, selection.top_k)
    return {
        "path": "text", "status": "text", "duration_s": "number", **spans, **answers, **tags,
        "error_code": "text", "error": "text", "warnings": "texts",
    }  # fmt: skip


def rows(file: FileResult, selection: Selection) -> Iterator[dict[str, Any]]:
    """One row for a file, or with segments one for each window; a file that failed has one row with its error.

    What is missing is left out: it is None.
    """
    row = selection.row(file)
    cells = {"path": row["path"], "status": row["status"]}
    if row["status"] == "error":
        yield cells | {"error_code": row["error"]["code"], "error": row["error"]["detail"]}
        return
    cells |= {"duration_s": duration_s(row), "warnings": row["warnings"], **_decided(row, selection), **_tag(row)}
    if not row.get("segments"):
        yield cells | _ranked(row)
        return
    for segment in row["segments"]:
        yield cells | {name: segment[name] for name in ("start_s", "end_s", "silent")} | _ranked(segment)


def _answer_columns(name: str, task: TaskSpec, top_k: int) -> dict[str, Kind]:
    estimates = task.kind == "regression"
    count = len(task.labels) if estimates else min(top_k, len(task.labels))
    fields = ("label", "value", "unit") if estimates else ("label", "score")
    found = {_column(name, rank, field): _FIELD_KINDS[field] for rank in range(count) for field in fields}
    return found if estimates else {**found, _column(name, 0, "labels"): "texts"}


def _column(task: str, rank: int, field: str) -> str:
    name = f"{task}_{field}" if task else field
    return name if rank == 0 else f"{name}_{rank + 1}"


def _ranked(answer: dict[str, Any]) -> dict[str, Any]:
    tasks: dict[str, list[dict[str, Any]]] = {MAIN: answer["predictions"], **answer.get("side", {})}
    return {
        _column(task, rank, field): value
        for task, predictions in tasks.items()
        for rank, prediction in enumerate(predictions)
        for field, value in prediction.items()
    }


def _decided(row: dict[str, Any], selection: Selection) -> dict[str, list[str]]:
    labels = {MAIN: row["labels"], **row.get("side_labels", {})}
    return {
        _column(name, 0, "labels"): labels[name]
        for name, task in selection.tasks.items()
        if task.kind != "regression" and name in labels
    }


def _tag(row: dict[str, Any]) -> dict[str, Any]:
    tag = row.get("tag")
    if tag is None:
        return {}
    return {
        "tag": tag["status"], "tag_genres": tag["genres"], "tag_before": tag["before"], "tag_detail": tag.get("detail")
    }  # fmt: skip
