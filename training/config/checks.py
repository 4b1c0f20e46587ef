"""The values of settings."""

from collections.abc import Callable, Sequence
from typing import Any

from audiocnn.errors import ConfigError


def check_fields(section: str, record: object, names: Sequence[str], legal: Callable[[Any], bool], words: str) -> None:
    """Raises `ConfigError` that asks for `words` unless the fields `names` of a section are `legal`."""
    for name in names:
        value = getattr(record, name)
        if not legal(value):
            raise ConfigError(f"{section}{name} must be {words}, got {value!r}")
