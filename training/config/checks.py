"""Which values of settings are legal."""

from collections.abc import Callable, Sequence
from typing import Any

from audiocnn.errors import ConfigError

MOST_DB = 120
STEEPEST = 4
"""Exponent of coloured noise."""

FOLDER_NAME = "the name of a folder, in one line, without slashes"


def check_fields(section: str, record: object, names: Sequence[str], legal: Callable[[Any], bool], words: str) -> None:
    """Raises `ConfigError` that asks for `words` unless the fields `names` of a section are `legal`."""
    for name in names:
        value = getattr(record, name)
        if not legal(value):
            raise ConfigError(f"{section}{name} must be {words}, got {value!r}")


def is_folder_name(name: str) -> bool:
    """Whether `name` is a `FOLDER_NAME`: one that leads neither out of a folder nor deeper into it."""
    return name.isprintable() and "/" not in name and name.strip(". ") != ""


def is_range(values: Sequence[float], most: float) -> bool:
    """Whether `values` are a lowest and a highest one from -`most` to `most`."""
    return len(values) == 2 and -most <= values[0] <= values[1] <= most
