"""Other windows than those a model was trained on: `recut`."""

import dataclasses
import math

from audiocnn.errors import WindowError
from audiocnn.spec.input import AudioSpec, InputSpec, VideoSpec

MOST_TIMES = 8
"""How many times longer or shorter than the model's own a window may be: memory for a batch stays bounded."""
MOST_OVERLAP = 16
"""How many windows may cover the same moment: the work for a file stays bounded."""


def recut(spec: InputSpec, window_s: float | None = None, hop_s: float | None = None) -> InputSpec:
    """`spec` with another window, another hop from window to window, or both, in seconds; None keeps the model's.

    A new window without a hop keeps their ratio. Networks of sound take windows from an eighth to eight times their
    own, those of video exactly their own. A hop is at most the window and at least a sixteenth of it.
    Raises `WindowError` for anything else, and for images and volumes, which have no time.
    """
    if window_s is None and hop_s is None:
        return spec
    if isinstance(spec, AudioSpec):
        rate, own = spec.sample_rate, spec.window
    elif isinstance(spec, VideoSpec):
        rate, own = spec.frame_rate, spec.frames
    else:
        raise WindowError(f"the model takes {spec.media} input, which has no time; leave window_s and hop_s out")
    window = own if window_s is None else _count("window_s", window_s, rate)
    if isinstance(spec, VideoSpec) and window != own:
        raise WindowError(
            f"window_s must be {own / rate:g}, the model sees exactly {own} frames at a time, got {window_s:g}; "
            "leave it out"
        )
    if not own <= MOST_TIMES * window <= MOST_TIMES**2 * own:
        raise WindowError(
            f"window_s must lie between {own / rate / MOST_TIMES:g} and {own * MOST_TIMES / rate:g}, the model was "
            f"trained on {own / rate:g}, got {window_s:g}"
        )
    hop = max(1, round(window * spec.hop / own)) if hop_s is None else _count("hop_s", hop_s, rate)
    if not window <= MOST_OVERLAP * hop <= MOST_OVERLAP * window:
        raise WindowError(
            f"hop_s must lie between {window / rate / MOST_OVERLAP:g} and {window / rate:g} for windows of "
            f"{window / rate:g} s, got {hop / rate:g}"
        )
    if isinstance(spec, AudioSpec):
        return dataclasses.replace(spec, window=window, hop=hop)
    return dataclasses.replace(spec, hop=hop)


def _count(name: str, seconds: float, rate: int) -> int:
    """So many whole samples or frames."""
    if not (math.isfinite(seconds * rate) and seconds > 0):
        raise WindowError(f"{name} must be a finite number of seconds above 0, got {seconds!r}")
    return round(seconds * rate)
