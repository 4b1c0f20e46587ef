"""Architectures by name: `register` a class, `build` one from its name and arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from audiocnn.errors import ConfigError, UnknownModelError

_ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {}


def register(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator that makes a network buildable by `name`. Raises `ConfigError` if the name is taken."""

    def add(network: type[nn.Module]) -> type[nn.Module]:
        if name in _ARCHITECTURES:
            raise ConfigError(f"architecture {name!r} is registered twice; choose another name")
        _ARCHITECTURES[name] = network
        return network

    return add


def names() -> list[str]:
    """All architectures, in alphabetical order."""
    return sorted(_ARCHITECTURES)


def build(name: str, num_outputs: int, arguments: Mapping[str, Any] | None = None) -> nn.Module:
    """A network with random weights: `(batch, channels, samples)` to logits `(batch, num_outputs)`.

    Raises `UnknownModelError` for an unknown name and `ConfigError` for arguments it does not take.
    """
    if name not in _ARCHITECTURES:
        raise UnknownModelError(f"unknown architecture {name!r}; known: {', '.join(names())}")
    try:
        return _ARCHITECTURES[name](num_outputs, **(arguments or {}))
    except TypeError as error:
        raise ConfigError(f"architecture {name!r} cannot be built from {dict(arguments or {})}: {error}") from error
