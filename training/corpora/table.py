"""The tables that corpora come with."""

import csv
from collections.abc import Iterable
from pathlib import Path

from audiocnn.errors import ConfigError
from training.corpora.folder import need_file


def read_table(
    path: Path, what: str, needed: Iterable[str], *, inside: str = "path", delimiter: str = ","
) -> list[dict[str, str]]:
    """The rows of a CSV file, each with all its values, none of those in the columns `needed` empty.

    what: which files the folder should hold. inside: the needed column with a path, which must not lead out of the
    corpus. delimiter: between values. Raises `ConfigError` for a file that is missing, unreadable or empty, and names
    the row that is wrong.
    """
    need_file(path, what)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    if not rows:
        raise ConfigError(f"{path} has no rows; fetch the file again")
    for number, row in enumerate(rows, start=1):
        empty = [column for column in needed if not row.get(column)]
        if None in row.values() or None in row:
            raise ConfigError(f"row {number} of {path} has not as many values as there are columns; fetch it again")
        if empty:
            raise ConfigError(f"row {number} of {path} has no {', '.join(empty)}; fetch the file again")
        check_inside(path, number, row[inside])
    return rows


def check_inside(path: Path, number: int, clip: str) -> None:
    """Raise `ConfigError` if the path `clip`, from row `number` of the table `path`, leads out of the corpus."""
    if Path(clip).is_absolute() or ".." in Path(clip).parts:
        raise ConfigError(f"row {number} of {path} leads out of its folder: {clip}")
