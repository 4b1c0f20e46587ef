"""Output length and receptive field of stacked convolutions and pools, computed before anything runs."""

from collections.abc import Iterable
from dataclasses import dataclass

from audiocnn.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Span:
    """One layer along one axis: filter length, stride and dilation."""

    kernel_size: int
    stride: int = 1
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Input positions from the first to the last tap."""
        return self.dilation * (self.kernel_size - 1) + 1


def same_padding(kernel_size: int, dilation: int = 1) -> tuple[int, int]:
    """Zeros before and after that keep the length at stride 1: `kernel_size - 1` in all, the odd one before.

    An even filter has no middle, so the two sides differ by one (A. Smola, L11: ceil before, floor after).
    """
    total = dilation * (kernel_size - 1)
    return total - total // 2, total // 2


def output_length(length: int, span: Span, padding: int = 0) -> int:
    """`floor((n - k + p + s) / s)` for `padding` zeros in all, whatever the remainder.

    Raises `ConfigError` if the padded input is shorter than the filter.
    """
    if length + padding < span.extent:
        raise ConfigError(
            f"kernel_size {span.kernel_size} with dilation {span.dilation} spans {span.extent} positions, "
            f"more than an input of {length} padded by {padding}; send a longer input, or lower kernel_size"
        )
    return (length - span.extent + padding + span.stride) // span.stride


def receptive_field(spans: Iterable[Span]) -> tuple[int, int]:
    """How many input positions one output sees, and how many lie between the fields of neighbouring outputs."""
    field, step = 1, 1
    for span in spans:
        field += (span.extent - 1) * step
        step *= span.stride
    return field, step
