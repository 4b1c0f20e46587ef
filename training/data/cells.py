"""One cell of a manifest: a path, a name, labels or a number.

Errors name the row, from 1 up, and the file `path` that it is in.
"""

import math
from pathlib import Path
from typing import Any, NoReturn

from audiocnn.errors import ConfigError
from training.config import QuantityConfig
from training.config.checks import FOLDER_NAME, is_folder_name
from training.data.rows import Row


def path_in_cell(row: Row, column: str, path: Path, number: int) -> str:
    """The path as it is written. Raises `ConfigError` if there is none."""
    return str(_value(row, column, path, number) or _nothing_in(column, path, number))


def name_in_cell(row: Row, column: str, path: Path, number: int) -> str:
    """The name of a split, fold or group; "" in an empty cell, and where there is no `column`.

    Raises `ConfigError` for a row without that column.
    """
    return _one_line(_value(row, column, path, number)) if column else ""


def fold_in_cell(row: Row, column: str, path: Path, number: int) -> str:
    """As `name_in_cell`: runs of cross-validation lie in folders that are called after their folds.

    Raises `ConfigError` for a name that no folder can have as well.
    """
    fold = name_in_cell(row, column, path, number)
    if fold and not is_folder_name(fold):
        raise ConfigError(
            f"row {number} of {path} must have {FOLDER_NAME}, as {column}, it has {fold!r}; rename the fold"
        )
    return fold


def labels_in_cell(row: Row, column: str, path: Path, number: int) -> tuple[str, ...]:
    """The labels of a list, or of a text that separates them by `|`. Raises `ConfigError` for a row without them."""
    value = _value(row, column, path, number)
    names = (_one_line(part) for part in (value if isinstance(value, list) else str(value).split("|")))
    return tuple(name for name in names if name)


def number_in_cell(row: Row, column: str, quantity: QuantityConfig, path: Path, number: int) -> float:
    """The value of a quantity. Raises `ConfigError` unless it is a number that the quantity allows."""
    value = _value(row, column, path, number)
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    low, high = quantity.range or (-math.inf, math.inf)
    if not (math.isfinite(found) and low <= found <= high and (found > 0 or quantity.scale == "linear")):
        wanted = "a number above 0" if quantity.scale == "log" else "a finite number"
        wanted = f"a number from {low:g} to {high:g}" if quantity.range else wanted
        raise ConfigError(f"row {number} of {path} must have {wanted} as {column}, it has {value!r}")
    return found


def _one_line(value: Any) -> str:
    """Without what nobody sees: blanks at the ends. A line break in a spreadsheet's cell is a space."""
    return " ".join(str(value).split())


def _value(row: Row, column: str, path: Path, number: int) -> Any:
    if column not in row:
        names = [str(name) for name in row if name is not None]  # None has what is behind the last column
        mend = "; separate columns with commas" if len(names) == 1 and {";", "\t"} & set(names[0]) else ""
        raise ConfigError(f"row {number} of {path} has no column {column!r}; it has {', '.join(names)}{mend}")
    return _nothing_in(column, path, number) if row[column] is None else row[column]


def _nothing_in(column: str, path: Path, number: int) -> NoReturn:
    raise ConfigError(f"row {number} of {path} has nothing in the column {column!r}; fill it in or take the row out")
