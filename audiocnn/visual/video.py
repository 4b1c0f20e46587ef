"""Video: MP4, QuickTime, WebM, Matroska, AVI, GIF, MPEG, ASF, FLV and Ogg through FFmpeg (PyAV).

    bytes or path -> decode -> steady rate -> upright, on black -> grey or RGB, fitted -> [ blocks ]
                                                              -> framing -> brightness -> windows

Training caches `blocks`; its validation turns them into model inputs with `windows`, as `PreparedVideo` does.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np

from audiocnn.errors import UndecodableVisualError
from audiocnn.framing import frame_blocks
from audiocnn.isolation.messages import Message
from audiocnn.isolation.pool import DecoderPool
from audiocnn.isolation.stream import Stream
from audiocnn.limits import DecodeLimits
from audiocnn.prediction import VideoInfo
from audiocnn.prepared import Window
from audiocnn.source import Source, open_source
from audiocnn.spec import VideoSpec
from audiocnn.visual.container import DEMUXERS, VideoFile, VideoFrame, open_container, orientation
from audiocnn.visual.fit import brightness, normalise_brightness
from audiocnn.visual.picture import Pixels, fit_picture, on_black
from audiocnn.visual.pillow import Image
from audiocnn.visual.sniff import HEAD, expect_format
from audiocnn.visual.timing import at_rate


class PreparedVideo:
    """An opened video, to be read once, through `blocks` or through `windows`."""

    def __init__(self, file: VideoFile, spec: VideoSpec) -> None:
        self.warnings = file.warnings
        self._file = file
        self._spec = spec

    @property
    def info(self) -> VideoInfo:
        """The video as it came, as far as it has been read."""
        file = self._file
        return VideoInfo(float(file.duration_s), file.num_frames, file.width, file.height, file.codec, file.format)

    def windows(self) -> Iterator[Window]:
        """The model inputs, one at a time, in memory that does not grow with the video. Raises what `blocks` does."""
        return windows(self.blocks(), self._spec)

    def blocks(self) -> Iterator[Pixels]:
        """The frames at the model's rate, one at a time, as uint8 `(channels, 1, height, width)`.

        Raises `UndecodableVisualError` if no frame can be decoded, `EmptyVisualError` if there is none and
        `VisualTooLargeError` beyond the limits. A video that is damaged or cut short later gives what it has, with a
        warning.
        """
        shown: VideoFrame | None = None
        pixels: Pixels = np.empty(0, np.uint8)
        for frame in at_rate(self._file.frames(), self._spec.frame_rate):
            if frame is not shown:  # dropped frames are never converted, repeated ones once
                shown, pixels = frame, _picture(frame, self._file.pixel_aspect, self._spec)
            yield pixels[:, np.newaxis]


class ChildVideo:
    """A `PreparedVideo` that is decoded in a child process."""

    def __init__(self, messages: Stream, spec: VideoSpec) -> None:
        self.warnings: list[str] = []
        self._messages = messages
        self._spec = spec
        self._take(next(messages))

    def windows(self) -> Iterator[Window]:
        """As `PreparedVideo.windows`."""
        return windows(self.blocks(), self._spec)

    def blocks(self) -> Iterator[Pixels]:
        """As `PreparedVideo.blocks`."""
        for message in self._messages:
            if message.array is None:
                self._take(message)
            else:
                yield message.array

    def _take(self, message: Message) -> None:
        self.info = VideoInfo(**message.fields["info"])
        self.warnings += message.fields["warnings"]


def windows(blocks: Iterable[Pixels], spec: VideoSpec) -> Iterator[Window]:
    """The model inputs cut from uint8 blocks `(channels, n, height, width)` at the model's rate, one at a time."""
    framed = frame_blocks(blocks, window=spec.frames, hop=spec.hop, tail=spec.tail, rate=spec.frame_rate)
    for pixels, segment in framed:
        yield Window(normalise_brightness(brightness(pixels), spec.mean, spec.deviation), segment)


@contextmanager
def open_video(
    source: Source, spec: VideoSpec, limits: DecodeLimits | None = None, decoders: DecoderPool | None = None
) -> Iterator[PreparedVideo | ChildVideo]:
    """A video for a model with `spec`. The sound, if there is any, is not looked at.

    decoders: where FFmpeg runs; in this process by default.
    Raises `EmptyVisualError` for no bytes, `UnsupportedVisualError` for another format, medium or codec,
    `VisualTooLargeError` for frames beyond `limits`, `UndecodableVisualError` for a damaged header, and what
    `open_source` and `decoders` raise.
    """
    limits = limits or DecodeLimits()
    with open_source(source, limits) as file:
        if decoders is None:
            with _opened(file, spec, limits) as video:
                yield video
            return
        frame_bytes = spec.channels * spec.height * spec.width
        messages = decoders.stream(
            decode_video, file, asdict(spec), asdict(limits), failure=UndecodableVisualError, largest=frame_bytes
        )
        with closing(messages):
            yield ChildVideo(messages, spec)


def decode_video(file: BinaryIO, spec: dict[str, Any], limits: dict[str, Any]) -> Iterator[Message]:
    """In a child: what the header says, each block, and what is known at the end."""
    with _opened(file, VideoSpec(**spec), DecodeLimits(**limits)) as video:
        yield Message({"info": asdict(video.info), "warnings": []})
        for block in video.blocks():
            yield Message(array=block)
        yield Message({"info": asdict(video.info), "warnings": video.warnings})


@contextmanager
def _opened(file: BinaryIO, spec: VideoSpec, limits: DecodeLimits) -> Iterator[PreparedVideo]:
    format = expect_format(file.read(HEAD), "a video", tuple(DEMUXERS))
    with open_container(file, format, limits) as video:
        yield PreparedVideo(video, spec)


def _picture(frame: VideoFrame, pixel_aspect: float, spec: VideoSpec) -> Pixels:
    """A frame as the model sees it: turned as the camera was held, on black where it is transparent, and fitted."""
    see_through = any(component.is_alpha for component in frame.format.components)
    try:
        pixels = frame.to_ndarray(format="rgba" if see_through else "rgb24", threads=1)
    except Exception as error:  # PyAV's errors are of many kinds
        raise UndecodableVisualError(
            f"frames of pixel format {frame.format.name} cannot be converted to RGB; convert the video to H.264 in MP4"
        ) from error
    turn = orientation(frame)
    if turn.swaps_axes:
        pixels, pixel_aspect = pixels.swapaxes(0, 1), 1 / pixel_aspect
    pixels = pixels[:: -1 if turn.flips_rows else 1, :: -1 if turn.flips_columns else 1]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return fit_picture(on_black(picture) if see_through else picture, spec, pixel_aspect)
