"""What depends on the number of axes, in one table, and the checks torch leaves out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.nn.shapes import Span, output_length

Ndim = Literal[1, 2, 3]
Size = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ops:
    """The stock layers for one number of axes."""

    conv: type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]
    conv_transpose: type[nn.ConvTranspose1d] | type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]
    norm: type[nn.BatchNorm1d] | type[nn.BatchNorm2d] | type[nn.BatchNorm3d]
    max_pool: type[nn.MaxPool1d] | type[nn.MaxPool2d] | type[nn.MaxPool3d]
    avg_pool: type[nn.AvgPool1d] | type[nn.AvgPool2d] | type[nn.AvgPool3d]
    adaptive_avg_pool: type[nn.AdaptiveAvgPool1d] | type[nn.AdaptiveAvgPool2d] | type[nn.AdaptiveAvgPool3d]


OPS: dict[int, Ops] = {
    1: Ops(nn.Conv1d, nn.ConvTranspose1d, nn.BatchNorm1d, nn.MaxPool1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d),
    2: Ops(nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
    3: Ops(nn.Conv3d, nn.ConvTranspose3d, nn.BatchNorm3d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d),
}


def ops(ndim: int) -> Ops:
    """The layers for `ndim` axes. Raises `ConfigError` unless it is 1, 2 or 3."""
    if type(ndim) is not int or ndim not in OPS:
        raise ConfigError(f"ndim must be 1 (sound), 2 (images) or 3 (video, volumes), got {ndim!r}")
    return OPS[ndim]


def per_axis(value: Size, ndim: int, name: str, minimum: int = 1) -> tuple[int, ...]:
    """`value` as one whole number per axis. Raises `ConfigError` for another count, type or a value below `minimum`."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * ndim
    if len(values) != ndim or not all(type(v) is int and v >= minimum for v in values):
        wanted = "an int" if ndim == 1 else f"an int or {ndim} ints"
        raise ConfigError(f"{name} must be {wanted} of at least {minimum}, got {value!r}")
    return values


def whole_number(value: int, name: str, minimum: int = 1) -> int:
    """`value` itself. Raises `ConfigError` unless it is a whole number of at least `minimum`."""
    if type(value) is not int or value < minimum:
        raise ConfigError(f"{name} must be a whole number of at least {minimum}, got {value!r}")
    return value


def check_input(x: Tensor, ndim: int, channels: int | None, name: str, least: int = 1) -> None:
    """Raises `ConfigError` unless `x` is `(batch, channels, *axes)` with `ndim` axes, and of floating-point numbers.

    channels: None if any number will do. least: positions that each axis must have.
    torch itself takes an unbatched `(channels, length)` for a batch, and answers nonsense.
    """
    if x.ndim < ndim + 2:
        remedy = "add the batch and channel axes with x[None, None]"
    elif x.ndim > ndim + 2:
        remedy = f"leave {x.ndim - ndim - 2} of its axes out"
    elif channels not in (None, x.shape[1]):
        remedy = f"mix the channels to {channels}, or build the network for {x.shape[1]}"
    elif min(x.shape[2:]) < least:
        remedy = f"each axis needs {least} or more positions: send a larger input, or enlarge or pad this one"
    else:
        return _check_type(x, name)
    axes = ", ".join(("samples",) if ndim == 1 else ("height", "width") if ndim == 2 else ("depth", "height", "width"))
    raise ConfigError(
        f"{name} expects input of shape (batch, {channels or 'channels'}, {axes}), got {tuple(x.shape)}; {remedy}"
    )


def check_fits(x: Tensor, spans: Iterable[Span], padding: Iterable[int]) -> None:
    """Raises `ConfigError` if an axis of `x` with `padding` zeros on both sides is shorter than the kernel's span."""
    for length, span, zeros in zip(x.shape[2:], spans, padding, strict=True):
        output_length(length, span, 2 * zeros)


def check_shape(x: Tensor, shape: tuple[int, ...], name: str) -> None:
    """Raises `ConfigError` unless `x` is `(batch, *shape)`: for networks whose linear layers fix the input's size."""
    if tuple(x.shape[1:]) != shape:
        raise ConfigError(
            f"{name} expects input of shape (batch, {', '.join(map(str, shape))}), got {tuple(x.shape)}; "
            "resize or pad it, and add a batch axis to a single input with x[None]"
        )
    _check_type(x, name)


def _check_type(x: Tensor, name: str) -> None:
    if not x.is_floating_point():
        raise ConfigError(f"{name} expects floating-point numbers, got {x.dtype}; convert them with x.float()")
