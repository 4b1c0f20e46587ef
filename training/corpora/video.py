"""Video files: written from frames, and decoded once to see that they are whole."""

from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from audiocnn.errors import ConfigError

_QUANTISER = "22"
"""H.264's fixed quantiser: small files in which a digit and its background show no blocks."""


def write_video(path: Path, frames: NDArray[np.uint8], frame_rate: int) -> None:
    """Write grey `frames` of shape `(frames, height, width)`, both sides even, as H.264 in MP4.

    Every frame is coded by itself with a fixed quantiser: predicted frames hold traces of the frames around them, so
    that a still would give away what moved where. The same frames and the same PyAV give the same bytes.
    Raises `ConfigError` if PyAV was built without an H.264 encoder.
    """
    options = {"g": "1", "qp": _QUANTISER, "preset": "fast", "threads": "1"}
    with av.open(path, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        try:
            stream = container.add_stream("libx264", rate=frame_rate, options=options)
        except ValueError as error:
            raise ConfigError("this PyAV has no H.264 encoder; install its wheel: pip install av") from error
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())


def check_video(path: Path) -> None:
    """Decode a video to its end. Raises `ConfigError` if it is missing, damaged, or has no frames."""
    try:
        with av.open(path) as container:
            frames = sum(1 for _ in container.decode(video=0))
    except (FFmpegError, IndexError, OSError) as error:
        raise ConfigError(f"{path} is missing, damaged or no video; fetch it again") from error
    if not frames:
        raise ConfigError(f"{path} holds no frames; fetch it again")
