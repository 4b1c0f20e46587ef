"""Checks of single fields. Annotations bind nobody who writes JSON or TOML by hand."""

import math
import re
from typing import get_args

from audiocnn.errors import ConfigError


def check_type(name: str, value: object, wanted: type | tuple[type, ...], words: str) -> None:
    """Raises `ConfigError` that asks for `words` unless `value` is of the type `wanted`."""
    if not isinstance(value, wanted):
        raise ConfigError(f"{name} must be {words}, got {value!r}")


def check_name(name: str, value: object) -> None:
    """Raises `ConfigError` unless `value` is a word of letters, digits, `_` and `-` that starts with a letter."""
    if not (isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", value)):
        raise ConfigError(f"{name} must be a word of letters, digits, _ and - that starts with a letter, got {value!r}")


def check_choice(name: str, value: object, legal: object) -> None:
    """Raises `ConfigError` unless `value` is one of the words of the `Literal` type `legal`."""
    if value not in get_args(legal):
        raise ConfigError(f"{name} must be one of {', '.join(map(str, get_args(legal)))}, got {value!r}")


def check_counts(record: object, *names: str) -> None:
    """Raises `ConfigError` unless the fields `names` of `record` are whole numbers of at least 1."""
    for name in names:
        value = getattr(record, name)
        if type(value) is not int or value < 1:
            raise ConfigError(f"{name} must be a whole number of at least 1, got {value!r}")


def check_number(name: str, value: object, words: str, lowest: float = -math.inf) -> None:
    """Raises `ConfigError` that asks for `words` unless `value` is a finite number above `lowest`."""
    if type(value) not in (int, float) or not lowest < value < math.inf:  # type: ignore[operator]
        raise ConfigError(f"{name} must be {words}, got {value!r}")
