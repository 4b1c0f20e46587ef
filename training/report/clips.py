"""The sections that name names: groups with the most errors, and the worst clips with links to listen to."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np

from audiocnn.spec import Media, TaskSpec
from training.metrics import Scores, in_deviations
from training.report.document import Cell, Section, Table, count, number
from training.report.pool import Pool
from training.report.tables import WorstClip, by_group, worst_clips

_MOST_CLIPS = 20
_PLAYS: dict[Media, Literal["audio", "image"]] = {"audio": "audio", "image": "image"}


def groups_section(prefix: str, pool: Pool, column: str) -> Section | None:
    """A row for each group, by error; None without groups. column: the manifest's name for them, such as artist."""
    groups = by_group(pool)
    if not groups:
        return None
    one_answer = pool.task.kind in ("single_label", "binary")
    worst = max(row.error for row in groups) or 1.0
    rows = []
    for row in groups:
        error = f"{row.error:.0%}" if one_answer else number(row.error)
        cells = [Cell(row.name), Cell(str(row.clips)), Cell(error, bar=row.error if one_answer else row.error / worst)]
        rows.append(cells + ([Cell(row.truth), Cell(row.said)] if one_answer else []))
    columns = [column, "#clips", "#wrong" if one_answer else "#loss", *(["is", "taken for"] if one_answer else [])]
    faultless = sum(row.error == 0 for row in groups)
    text = f"{count(len(groups), column)}, the most wrong first"
    text += f"; {faultless} without an error." if one_answer and faultless else "."
    return Section(f"{prefix}groups", f"By {column}", text, [Table(columns, rows, shown=15)])


def clips_section(prefix: str, pool: Pool, column: str, data: Path | None, page: Path, media: Media) -> Section | None:
    """The worst clips; None if there are none.

    data: their folder, None if it is not known. page: the folder of the page, from which links lead to them.
    """
    worst = worst_clips(pool, _MOST_CLIPS)
    if not worst:
        return None
    has_groups = len(set(pool.groups)) < pool.num_clips
    has_windows = any(clip.windows_right is not None for clip in worst) and pool.windows.max() > 1
    has_starts = any(clip.worst_start_s is not None for clip in worst)
    columns = ["clip", *([column] if has_groups else []), "is", "said", "#loss"]
    columns += ["#windows right"] if has_windows else []
    columns += ["#worst from"] if has_starts else []
    rows = []
    for clip in worst:
        row = [_link(clip.name, data, page, media), *([Cell(clip.group)] if has_groups else [])]
        row += [*_words(clip, pool.task, pool.has_shares), Cell(number(clip.loss))]
        row += (
            [Cell(number(None) if clip.windows_right is None else f"{clip.windows_right:.0%}")] if has_windows else []
        )
        row += [Cell(number(None) if clip.worst_start_s is None else _clock(clip.worst_start_s))] if has_starts else []
        rows.append(row)
    text = "Those with the largest loss. Wrong labels in the data often show here first."
    if data is None or not any(row[0].link for row in rows):
        text += " Their files were not found; name their folder with --data to have links."
    return Section(f"{prefix}clips", "Worst clips", text, [Table(columns, rows, shown=_MOST_CLIPS)])


def _link(name: str, data: Path | None, page: Path, media: Media) -> Cell:
    path = None if data is None else data / name
    if path is None or not path.is_file():
        return Cell(name)
    return Cell(
        name, link=quote(Path(os.path.relpath(path.resolve(), page.resolve())).as_posix()), play=_PLAYS.get(media, "")
    )


def _words(clip: WorstClip, task: TaskSpec, has_shares: bool) -> tuple[Cell, Cell]:
    """What the clip is, and what the model said."""
    if task.kind == "regression" or has_shares:
        column = int(np.abs(_errors(clip, task)).argmax())
        label = f"{task.labels[column]} " if len(task.labels) > 1 else ""
        unit = f" {task.quantities[column].unit}" if task.quantities and task.quantities[column].unit else ""
        return Cell(f"{label}{number(clip.truth[column])}{unit}"), Cell(f"{label}{number(clip.said[column])}{unit}")
    is_true = [task.labels[i] for i in np.flatnonzero(clip.truth > 0.5)]
    best = [i for i in np.argsort(-clip.said, kind="stable").tolist() if clip.said[i]]  # none for a silent clip
    if task.kind == "multi_label":
        named = [i for i in best if clip.said[i] >= 0.5] or best[:1]
    else:
        named = [i for i in best[:2] if i == best[0] or clip.said[i] >= 0.05]
    return Cell(", ".join(is_true) or "none"), Cell(_scored(task.labels, named, clip.said) or "nothing")


def _scored(labels: Sequence[str], columns: Sequence[int], scores: Scores) -> str:
    return ", ".join(f"{labels[i]} {scores[i]:.2f}" for i in columns)


def _errors(clip: WorstClip, task: TaskSpec) -> Scores:
    """Of each quantity in deviations, or of each share."""
    errors = clip.said - clip.truth
    if task.quantities:
        (errors,) = in_deviations(clip.said[np.newaxis], clip.truth[np.newaxis], task)
    return errors


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
