"""The rows of a manifest, as spreadsheets and scripts write them."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audiocnn.errors import ConfigError

Row = Mapping[str, Any]


def read_rows(path: Path) -> list[Row]:
    """The rows of a CSV file, or of a JSONL file with an object in each line, by column.

    Raises `ConfigError` for a file that cannot be read, is not UTF-8, or has something else in a line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read the manifest {path}: {error.strerror}; data.manifest names a file in the data folder"
        ) from error
    try:
        text = content.decode("utf-8-sig")  # spreadsheets begin a file with a byte-order mark
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"the manifest {path} must be UTF-8, line {line} has the byte 0x{content[error.start]:02x}; save it as "
            "'CSV UTF-8', or convert it with iconv"
        ) from error
    return _jsonl(path, text) if path.suffix == ".jsonl" else _csv(path, text)


def _csv(path: Path, text: str) -> list[Row]:
    rows = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        return list(rows)
    except csv.Error as error:
        raise ConfigError(f"cannot read {path} behind line {rows.line_num}: {error}; look for an open quote") from error


def _jsonl(path: Path, text: str) -> list[Row]:
    rows: list[Row] = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ConfigError(f"line {number} of {path} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ConfigError(
                f'line {number} of {path} must be an object such as {{"path": "a.wav", "label": "x"}}, '
                f"got {line[:40].strip()}"
            )
        rows.append(row)
    return rows
