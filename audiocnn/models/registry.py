"""Architectures by name: `register` a class, `build` one from its name and arguments."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from audiocnn.errors import ConfigError, UnknownModelError
from audiocnn.nn.ndim import Ndim, whole_number


@dataclass(frozen=True, slots=True)
class Architecture:
    """A registered network and the input it takes when built with no arguments.

    ndim: axes of the input, 1 for sound, 2 for images, 3 for video and volumes. in_channels: 1 for mono or grey.
    any_ndim: the network takes `ndim` as an argument, so it can be built over the other axes too.
    axes: the length of each axis in the paper, None if there is no such length; in models that were trained, the input
      specification counts. sample_rate: Hz of that input if it is sound.
    """

    network: Callable[..., nn.Module]
    ndim: Ndim
    in_channels: int
    any_ndim: bool
    axes: tuple[int, ...] | None
    sample_rate: int | None


_ARCHITECTURES: dict[str, Architecture] = {}


def register(
    name: str,
    *,
    ndim: Ndim = 1,
    in_channels: int = 1,
    any_ndim: bool = False,
    axes: tuple[int, ...] | None = None,
    sample_rate: int | None = None,
) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator that makes a network buildable by `name`; the rest is explained at `Architecture`.

    Raises `ConfigError` if the name is taken.
    """

    def add(network: type[nn.Module]) -> type[nn.Module]:
        if name in _ARCHITECTURES:
            raise ConfigError(f"architecture {name!r} is registered twice; choose another name")
        _ARCHITECTURES[name] = Architecture(network, ndim, in_channels, any_ndim, axes, sample_rate)
        return network

    return add


def names(ndim: Ndim | None = None) -> list[str]:
    """All architectures in alphabetical order, or those whose input has `ndim` axes unless told otherwise."""
    return sorted(name for name, entry in _ARCHITECTURES.items() if ndim in (None, entry.ndim))


def architecture(name: str) -> Architecture:
    """What is known of `name` before it is built. Raises `UnknownModelError` for an unknown name."""
    if name not in _ARCHITECTURES:
        raise UnknownModelError(f"unknown architecture {name!r}; known: {', '.join(names())}")
    return _ARCHITECTURES[name]


def build(name: str, num_outputs: int, arguments: Mapping[str, Any] | None = None) -> nn.Module:
    """A network with random weights: `(batch, channels, *axes)` to logits `(batch, num_outputs)`.

    Raises `UnknownModelError` for an unknown name and `ConfigError` for arguments it does not take or of illegal value.
    """
    entry = architecture(name)
    whole_number(num_outputs, "num_outputs")
    try:
        return entry.network(num_outputs, **(arguments or {}))
    except (TypeError, ValueError, ArithmeticError) as error:
        taken = [argument for argument in inspect.signature(entry.network).parameters if argument != "num_outputs"]
        raise ConfigError(
            f"architecture {name!r} cannot be built from {dict(arguments or {})}: {error}; "
            f"it takes {', '.join(taken) or 'no arguments'}"
        ) from error
