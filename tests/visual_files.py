"""Pictures, videos and volumes for tests, encoded by Pillow, PyAV and NumPy and not by the code under test."""

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

VIDEO_KINDS = {
    "mp4 h264": ("mp4", "libx264", "yuv420p"),
    "mov prores": ("mov", "prores_ks", "yuv422p10le"),
    "webm vp9": ("webm", "libvpx-vp9", "yuv420p"),
    "webm vp8": ("webm", "libvpx", "yuv420p"),
    "mkv ffv1": ("matroska", "ffv1", "yuv420p"),
    "avi mpeg4": ("avi", "mpeg4", "yuv420p"),
    "avi mjpeg": ("avi", "mjpeg", "yuvj420p"),
    "gif": ("gif", "gif", "gray"),
    "ts mpeg2": ("mpegts", "mpeg2video", "yuv420p"),
    "mpg mpeg1": ("mpeg", "mpeg1video", "yuv420p"),
    "wmv": ("asf", "wmv2", "yuv420p"),
    "flv": ("flv", "flv", "yuv420p"),
    "mov raw": ("mov", "rawvideo", "rgb24"),
}
"""Container, encoder and pixel format of each kind of video that the tests write."""


def noise_picture(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Random uint8 pixels `(height, width, channels)`, or `(height, width)` for one channel."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def image_bytes(picture: NDArray[np.generic] | Image.Image, format: str = "PNG", **options: object) -> bytes:
    """A picture, or an array of pixels, as an encoded file."""
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, format, **options)
    return file.getvalue()


def grey_frames(levels: Iterable[int], height: int = 32, width: int = 48) -> list[NDArray[np.uint8]]:
    """RGB frames `(height, width, 3)`, each of one grey."""
    return [np.full((height, width, 3), level, np.uint8) for level in levels]


def video_bytes(
    frames: Sequence[NDArray[np.uint8]],
    kind: str = "mkv ffv1",
    *,
    rate: int = 10,
    times: Sequence[int] | None = None,
    rotation: tuple[float, bool] | None = None,
    pixel_aspect: Fraction | None = None,
    sound: str | None = None,
    options: dict[str, str] | None = None,
    path: Path | None = None,
) -> bytes:
    """RGB or RGBA frames `(height, width, 3 or 4)` as an encoded video.

    times: when each frame is shown, in units of 1 / rate; one after the other by default.
    rotation: degrees counterclockwise, and whether it is mirrored.
    sound: the codec of a second of silence beside the pictures.
    options: of FFmpeg's muxer. path: where to write it first, for muxers that read back what they wrote.
    """
    container_format, codec, pixel_format = VIDEO_KINDS[kind]
    file = io.BytesIO()
    with av.open(path or file, "w", format=container_format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuva420p" if frames[0].shape[2] == 4 else pixel_format
        stream.codec_context.thread_count = 1
        if codec == "libx264":
            stream.options = {"crf": "1", "preset": "ultrafast"}
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        if sound:
            audio = container.add_stream(sound, rate=8000, layout="mono")
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24" if pixels.shape[2] == 3 else "rgba")
            frame.pts = index if times is None else times[index]
            frame.time_base = Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
            silence.sample_rate = 8000
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))
    return path.read_bytes() if path else file.getvalue()


def npy_bytes(array: NDArray[np.generic], **options: object) -> bytes:
    """An array as a `.npy` file."""
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz_bytes(*, compressed: bool = True, **arrays: NDArray[np.generic]) -> bytes:
    """Named arrays as an `.npz` file."""
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    return file.getvalue()
