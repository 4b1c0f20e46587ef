"""What a report consists of, before it becomes a page or Markdown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Cell:
    """bar: a share from 0 to 1 to draw behind the text. link: where the text leads. play: what to show of a file, for
    the link of a sound or picture."""

    text: str
    bar: float | None = None
    link: str = ""
    play: Literal["", "audio", "image"] = ""


@dataclass(frozen=True, slots=True)
class Table:
    """columns: their names; those of numbers begin with `#`. shown: how many rows the page shows before a fold."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    shown: int = 12


@dataclass(frozen=True, slots=True)
class Matrix:
    """How often each of `labels` was answered (columns) where each was true (rows)."""

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Figure:
    """wide: takes a row for itself."""

    title: str
    svg: str
    caption: str = ""
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """text: a sentence or two that say what there is to see."""

    id: str
    title: str
    text: str = ""
    blocks: Sequence[Table | Matrix | Figure] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """A number to see first."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Part:
    """The sections of one task; the title is empty if there is only one."""

    id: str
    title: str
    tiles: Sequence[Tile] = ()
    sections: Sequence[Section] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """facts: what was trained on what, as names and values."""

    title: str
    summary: str
    facts: Sequence[tuple[str, str]]
    parts: Sequence[Part] = field(default_factory=list)


_WORDS = {
    "accuracy": "accuracy",
    "accuracy1": "accuracy 1",
    "accuracy2": "accuracy 2",
    "merged_accuracy": "accuracy with labels merged",
    "macro_f1": "macro F1",
    "f1": "F1",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "loss": "loss",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
    "pearson": "correlation",
}
FALLING = ("loss", "mae", "rmse")
"""Metrics that are better when they are lower."""


def metric_name(name: str) -> str:
    """A metric as people call it; what follows a space is the name of a quantity."""
    key, space, quantity = name.partition(" ")
    return f"{_WORDS.get(key, key)}{', ' if space else ''}{quantity}"


def is_falling(name: str) -> bool:
    return name.partition(" ")[0] in FALLING


def number(value: float | None) -> str:
    """Three decimals, or three digits of what is 10 or more; a dash for what is not defined."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def count(number_of: int, noun: str) -> str:
    """As in `1 clip` and `1,200 clips`."""
    return f"{number_of:,} {noun}{'' if number_of == 1 else 's'}"
