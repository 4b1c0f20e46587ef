"""A user's own names for the labels of a model, for tags and playlists."""

import csv
import io
import json
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audiocnn.errors import ConfigError

_NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of controls, stray bytes, and ends of lines and paragraphs."""


@dataclass(frozen=True, slots=True)
class GenreMap:
    """A table from a label to the name to write for it. A label that is not in it keeps its name; one whose name is
    empty is left out.

    Raises `ConfigError` for names that are no text, or no line of it.
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for label, name in self.names.items():
            if not isinstance(name, str):
                raise ConfigError(f'expected a name for {label!r}, such as {label} = "Rock", got {name!r}')
            if any(unicodedata.category(character) in _NOT_IN_NAMES for character in name):
                raise ConfigError(f"the name for {label!r} must be a line of text, got {name!r}")

    @classmethod
    def read(cls, path: Path) -> "GenreMap":
        """The map in a file: TOML (`rock = "Rock & Roll"`), a JSON object, or CSV with a label and a name in each row
        and, if you like, `label,name` as the first.

        Raises `ConfigError` for another ending, a file that does not parse, and names that are no text.
        """
        readers = {".toml": _toml, ".json": _json, ".csv": _csv}
        reader = readers.get(path.suffix.lower())
        if reader is None:
            raise ConfigError(f"a genre map is a .toml, .json or .csv file, got {path}")
        try:
            pairs = reader(path.read_bytes())
        except OSError as error:
            raise ConfigError(f"cannot read the genre map {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:  # of UTF-8, TOML and JSON too
            raise ConfigError(f"the genre map {path} does not parse: {error}") from error
        names: dict[str, Any] = {}
        for label, name in pairs:
            if label in names:
                raise ConfigError(f"{path}: {label!r} has two names, {names[label]!r} and {name!r}; keep one")
            names[label] = name.strip() if isinstance(name, str) else name
        try:
            return cls(names)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    def renamed(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The names of `labels`, each once, in their order."""
        names = (self.names.get(label, label) for label in labels)
        return tuple(dict.fromkeys(name for name in names if name))

    def strangers(self, labels: Iterable[str]) -> tuple[str, ...]:
        """What the map names and no label is: perhaps misspelt, perhaps for another model."""
        known = set(labels)
        return tuple(label for label in self.names if label not in known)


Pairs = Iterable[tuple[str, Any]]


def _toml(data: bytes) -> Pairs:
    return tomllib.loads(data.decode("utf-8-sig")).items()  # some editors write a byte-order mark


def _json(data: bytes) -> Pairs:
    pairs = json.loads(data, object_pairs_hook=tuple)  # a dict would hide a label that is there twice
    if not isinstance(pairs, tuple):
        raise ValueError("expected an object of labels and names")
    return pairs


def _csv(data: bytes) -> Pairs:
    text = data.decode("utf-8-sig")  # spreadsheets too
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise ValueError(error) from error
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise ValueError(f"expected a label and a name in row {number}, got {row}")
    if rows[:1] == [["label", "name"]]:
        del rows[0]
    return [(label, name) for label, name in rows]
