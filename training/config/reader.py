"""From a TOML file to the record that describes it. An unknown key is an error that names the known ones."""

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from audiocnn.errors import ConfigError

Record = TypeVar("Record")

_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text in quotes",
    tuple[float, ...]: "a list of numbers",
    tuple[str, ...]: "a list of text in quotes",
    Mapping[str, Any]: "a table of names and values",
    Mapping[str, list[str]]: "a table of names and lists of text in quotes",
}


def read_table(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a TOML file says, with single keys replaced.

    overrides: each `section.key=value` or `key=value`; a value that is not TOML is taken as text.
    Raises `ConfigError` for a missing file, broken TOML, and overrides of another form.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin a file with a byte-order mark
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; recipes lie in training/recipes") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML, which is UTF-8: {error.reason}; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for override in overrides:
        _replace(table, override)
    return table


def _replace(table: dict[str, Any], override: str) -> None:
    name, equals, text = override.partition("=")
    *sections, key = name.strip().split(".")
    if not equals or not all([*sections, key]):
        raise ConfigError(f"--set takes section.key=value, such as train.epochs=20, got {override!r}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise ConfigError(f"--set {override}: {section} is a value and not a section")
    table[key] = value


def to_record(
    kind: type[Record],
    table: Mapping[str, Any],
    where: str,
    prefix: str = "",
    sections: Mapping[str, Any] = MappingProxyType({}),
) -> Record:
    """The dataclass `kind`, of a section or of a whole file, from its keys.

    where: the file or section, and prefix: what comes before the names of keys, in messages. sections: the records of
    those fields that could be several.
    Raises `ConfigError` for unknown and missing keys, values of another type, and what the records refuse.
    """
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise ConfigError(f"{where} has unknown keys {', '.join(unknown)}; known: {', '.join(sorted(fields))}")
    missing = [
        name
        for name, f in fields.items()
        if name not in table and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where} is incomplete: it needs {', '.join(missing)}")
    types = {**get_type_hints(kind), **sections}
    return kind(**{name: _value(types[name], value, prefix + name) for name, value in table.items()})


def _value(wanted: Any, value: Any, name: str) -> Any:
    """What TOML gave for the key `name`, as its field takes it."""
    section = dataclasses.is_dataclass(wanted)
    if not _fits(dict[str, Any] if section or _records(wanted) else wanted, value):
        if get_origin(wanted) is Literal:
            words = f"one of {', '.join(map(str, get_args(wanted)))}"
        else:
            words = "a section of names and values" if section or _records(wanted) else _WORDS[wanted]
        raise ConfigError(f"{name} must be {words}, got {value!r}")
    if section:
        return to_record(wanted, value, f"[{name}]", f"{name}.")
    if _records(wanted):
        return {key: _value(get_args(wanted)[1], inner, f"{name}.{key}") for key, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _records(wanted: Any) -> bool:
    """Whether a field is a table of sections."""
    return get_origin(wanted) is Mapping and dataclasses.is_dataclass(get_args(wanted)[1])


def _fits(wanted: Any, value: Any) -> bool:
    origin, inner = get_origin(wanted), get_args(wanted)
    if wanted is Any:
        return True
    if origin is Literal:
        return value in inner
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(_fits(inner[1], v) for v in value.values())
    if origin in (list, tuple):
        return isinstance(value, list) and all(_fits(inner[0], v) for v in value)
    return type(value) in ((int, float) if wanted is float else (wanted,))  # True is an int to isinstance
