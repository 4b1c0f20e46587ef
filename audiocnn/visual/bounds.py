"""The limits on what a picture, a video or a volume may unfold into, checked before memory is asked for."""

from audiocnn.errors import EmptyVisualError, VisualTooLargeError
from audiocnn.limits import DecodeLimits


def check_pixels(width: int, height: int, limits: DecodeLimits) -> None:
    """Raises `VisualTooLargeError` for more pixels than allowed, `EmptyVisualError` for none."""
    if width < 1 or height < 1:
        raise EmptyVisualError(f"expected at least 1 x 1 pixels, the header says {width} x {height}; export it again")
    if width * height > limits.max_pixels:
        raise VisualTooLargeError(
            f"at most {limits.max_pixels} pixels are accepted, the header says {width} x {height}; scale it down"
        )


def check_decoded(num_bytes: int, limits: DecodeLimits) -> None:
    """Raises `VisualTooLargeError` for more decoded bytes than allowed."""
    if limits.max_decoded_bytes is not None and num_bytes > limits.max_decoded_bytes:
        raise VisualTooLargeError(
            f"at most {limits.max_decoded_bytes} decoded bytes are accepted, this file has more; "
            "scale it down or cut it"
        )
