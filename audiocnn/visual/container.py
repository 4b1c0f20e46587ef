"""The frames of a video file, decoded by FFmpeg (PyAV) within bounds, with the times at which they are shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from audiocnn.errors import (
    EmptyVisualError,
    MissingExtraError,
    UndecodableVisualError,
    UnsupportedVisualError,
    VisualTooLargeError,
)
from audiocnn.limits import DecodeLimits
from audiocnn.visual.bounds import check_pixels
from audiocnn.visual.mp4 import check_tables

try:
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Disposition
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
except ImportError as error:
    raise MissingExtraError("video needs PyAV: pip install 'audiocnn[vision]'") from error

__all__ = ["DEMUXERS", "VideoFile", "VideoFrame", "open_container", "orientation"]

# FFmpeg is told the demuxer, so it never guesses: of its hundreds some are playlists that open other files and URLs.
DEMUXERS = {
    "mp4": "mov",
    "matroska": "matroska",
    "avi": "avi",
    "gif": "gif",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "asf": "asf",
    "flv": "flv",
    "ogg": "ogg",
}
# What cameras, browsers and editors write. FFmpeg has hundreds of decoders, and damage is best looked for in old ones.
_CODECS = (
    *("h264", "hevc", "libdav1d", "av1", "vp8", "vp9", "libvpx", "libvpx-vp9", "theora", "gif", "mjpeg", "png"),
    *("mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4", "wmv1", "wmv2", "wmv3", "vc1"),
    *("h263", "flv", "prores", "dnxhd", "dvvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo", "qtrle", "rawvideo"),
)
_LONGEST_STILL_S = 60
"""A picture shown for longer is a damaged clock, not a video: a few bytes must not become hours."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """What a stored frame needs to stand upright: first its rows become columns, then their order is turned round."""

    swaps_axes: bool = False
    flips_rows: bool = False
    flips_columns: bool = False


Timed = tuple[Fraction, Fraction, VideoFrame]


@contextmanager
def open_container(file: BinaryIO, format: str, limits: DecodeLimits) -> Iterator["VideoFile"]:
    """The video in a file of one of the formats in `DEMUXERS`.

    Raises `UndecodableVisualError` for a damaged header, `UnsupportedVisualError` for a file without a picture or of
    a codec that is not read, and `VisualTooLargeError` for more pixels than `limits` allow or
    more samples than the file can hold.
    """
    if format == "mp4":
        check_tables(file)
    file.seek(0)
    try:
        container = av.open(file, "r", format=DEMUXERS[format], options=_options(limits), metadata_errors="replace")
    except Exception as error:  # PyAV's errors are of many kinds
        raise UndecodableVisualError(
            f"the file starts like {format} and cannot be opened; it is damaged or cut short: export it again"
        ) from error
    with container:
        yield VideoFile(container, format, limits)


class VideoFile:
    """An opened video; `num_frames`, `duration_s` and `warnings` are complete once its frames have been read, as are
    `width` and `height`, which are those of an upright frame."""

    def __init__(self, container: InputContainer, format: str, limits: DecodeLimits) -> None:
        self.format = format
        self.num_frames = 0
        self.duration_s = Fraction(0)
        self.warnings: list[str] = []
        self._container = container
        self._limits = limits
        self._stream = stream = _picture_stream(container)
        check_pixels(stream.width, stream.height, limits)
        self.width, self.height = stream.width, stream.height
        self.codec = stream.codec_context.codec.canonical_name
        stream.codec_context.options = _options(limits)
        stream.codec_context.thread_count = 1
        self._damaged = 0
        self._num_pixels = 0

    @property
    def pixel_aspect(self) -> float:
        """The width of a stored pixel over its height; 1 where the file says nothing sensible."""
        aspect = self._stream.sample_aspect_ratio
        return float(aspect) if aspect and Fraction(1, 10) <= aspect <= 10 else 1.0

    def frames(self) -> Iterator[Timed]:
        """When each frame is first shown and until when, in seconds from the first frame, and the frame.

        The starts increase. Raises `UndecodableVisualError` if no frame can be decoded, `EmptyVisualError` if there
        is none, `VisualTooLargeError` beyond the limits. Damage is skipped with a warning.
        """
        usual = self._usual_duration()
        origin: Fraction | None = None  # of the file's clock
        start = end = Fraction(0)
        jumped = False
        for frame in self._decoded():
            if origin is None and orientation(frame).swaps_axes:
                self.width, self.height = self.height, self.width
            clock = frame.pts * frame.time_base if frame.pts is not None and frame.time_base else None
            if origin is None:
                origin = clock or Fraction(0)
            elif clock is None:
                start = end
            elif clock - origin == start:
                continue  # never seen: the next one is shown at the same time
            elif 0 < clock - origin - start <= _LONGEST_STILL_S:
                start = clock - origin
            else:
                jumped = True
                start, origin = end, clock - end
            duration = frame.duration * frame.time_base if frame.duration and frame.time_base else usual
            end = start + (duration if 0 < duration <= _LONGEST_STILL_S else usual)
            self.duration_s = end
            if self._limits.max_duration_s is not None and end > self._limits.max_duration_s:
                raise VisualTooLargeError(
                    f"at most {self._limits.max_duration_s:g} s of video are accepted, this file is longer; cut it, "
                    "or use the batch command, which has no such limit"
                )
            yield start, end, frame
        self._conclude(jumped, usual)

    def _conclude(self, jumped: bool, usual: Fraction) -> None:
        if not self.num_frames:
            if self._damaged:
                raise UndecodableVisualError("no frame of the video can be decoded; it is damaged: export it again")
            raise EmptyVisualError("the video has no frames, or they are cut off; record or export it again")
        if self._damaged:
            self.warnings.append(f"{self._damaged} pieces of the video are damaged; frames are missing or wrong")
        if jumped:
            self.warnings.append("the clock of the video jumps; frames behind a jump follow the ones before it at once")
        promised = self._promised_s()
        if promised is not None and promised > self.duration_s + max(3 * usual, Fraction(1, 2)):
            self.warnings.append(
                f"the file is cut short: its header promises {float(promised):.3f} s, "
                f"it holds {float(self.duration_s):.3f} s"
            )

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except Exception:  # a damaged packet; the next may be whole
                self._damaged += 1
                continue
            for frame in frames:
                check_pixels(frame.width, frame.height, self._limits)
                self.num_frames += 1
                self._check_total(frame.width * frame.height)
                self._damaged += frame.is_corrupt
                yield frame

    def _check_total(self, num_pixels: int) -> None:
        self._num_pixels += num_pixels
        most = self._limits.max_video_pixels
        if most is not None and self._num_pixels > most:
            raise VisualTooLargeError(
                f"at most {most} pixels in all frames together are accepted, this video has more of them at "
                f"{self.width} x {self.height} a frame; scale it down or cut it"
            )

    def _packets(self) -> "Iterator[Packet[VideoStream] | None]":
        """The packets of the picture, then None: what the decoder still holds."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    yield packet
        except Exception:  # the demuxer lost its way; what came so far still counts
            self._damaged += 1
        yield None

    def _usual_duration(self) -> Fraction:
        """How long a frame is shown where the file does not say."""
        rate = self._stream.average_rate
        return 1 / rate if rate and 1 <= rate <= 1000 else Fraction(1, 25)

    def _promised_s(self) -> Fraction | None:
        """The length the header claims, if it claims one for the picture."""
        if self.format == "avi":  # FFmpeg guesses its duration from what there is
            return self._stream.frames * self._usual_duration()
        if self._stream.duration is not None and self._stream.time_base:
            return self._stream.duration * self._stream.time_base
        if self._container.duration is not None and len(self._container.streams) == 1:
            return Fraction(self._container.duration, av.time_base)
        return None


def _picture_stream(container: InputContainer) -> VideoStream:
    """The first video stream that is no cover art. Raises `UnsupportedVisualError` without one that can be decoded."""
    pictures = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not pictures:
        raise UnsupportedVisualError("expected a video, the file has no moving picture; give it to a model of audio")
    stream = pictures[0]
    if stream.codec_context is None or stream.codec_context.name not in _CODECS:
        codec = "an unknown codec" if stream.codec_context is None else f"codec {stream.codec_context.name}"
        raise UnsupportedVisualError(f"video of {codec} is not read; convert it to H.264 in MP4")
    return stream


def orientation(frame: VideoFrame) -> Orientation:
    """How the camera was held, as the display matrix of the frame says, to the nearest quarter turn."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation()
    x_to_x, x_to_y, _, y_to_x, y_to_y = np.frombuffer(data, np.int32)[:5].tolist()
    if abs(x_to_x) < abs(y_to_x):
        return Orientation(swaps_axes=True, flips_rows=x_to_y < 0, flips_columns=y_to_x < 0)
    return Orientation(flips_rows=y_to_y < 0, flips_columns=x_to_x < 0)


def _options(limits: DecodeLimits) -> dict[str, str]:
    """For the demuxer and for the decoders, which it also uses to look into the file."""
    return {
        "protocol_whitelist": "none",  # no references to other files
        "codec_whitelist": ",".join(_CODECS),
        "max_pixels": str(2 * limits.max_pixels),  # twice, as codecs round sizes up; each frame is checked exactly
    }
