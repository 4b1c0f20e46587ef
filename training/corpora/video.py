"""Video files: written from frames, and decoded once to see that they are whole."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audiocnn.errors import ConfigError, MediaError, MissingExtraError
from audiocnn.spec import VideoSpec
from audiocnn.visual.video import open_video

try:
    import av
except ImportError as error:
    raise MissingExtraError("video needs PyAV: pip install 'audiocnn[vision]'") from error

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
    """Read a video to its end, as training will. Raises `ConfigError` if it is missing, damaged or cut short."""
    try:
        with open_video(path, VideoSpec(frames=1, height=32, width=32, frame_rate=15, hop=1)) as video:
            for _ in video.blocks():
                pass
    except MediaError as error:
        raise ConfigError(f"{path} cannot be used, fetch it again: {error}") from error
    if video.warnings:
        raise ConfigError(f"{path} cannot be used, fetch it again: {'; '.join(video.warnings)}")
