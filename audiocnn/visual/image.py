"""Images: PNG, JPEG, WebP, GIF, BMP and TIFF through Pillow.

    bytes or path -> decode -> upright, on black -> grey or RGB, fitted -> [ pixels ] -> brightness -> window

Training caches `pixels`; its validation turns them into model inputs with `windows`, as `PreparedImage` does.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import numpy as np

from audiocnn.errors import UndecodableVisualError, UnsupportedVisualError
from audiocnn.isolation.messages import Message
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.prediction import ImageInfo
from audiocnn.prepared import Window
from audiocnn.source import Source, open_source
from audiocnn.spec import ImageSpec
from audiocnn.visual import pillow
from audiocnn.visual.bounds import check_decoded, check_pixels
from audiocnn.visual.fit import brightness, normalise_brightness
from audiocnn.visual.picture import Pixels, fit_picture, on_black
from audiocnn.visual.pillow import Image
from audiocnn.visual.sniff import HEAD, expect_format

# The classes themselves: Image.open would check Pillow's own global limit first and print warnings about it.
_DECODERS: dict[str, type[pillow.ImageFile]] = {
    "png": pillow.PngImageFile,
    "jpeg": pillow.JpegImageFile,
    "gif": pillow.GifImageFile,
    "webp": pillow.WebPImageFile,
    "bmp": pillow.BmpImageFile,
    "tiff": pillow.TiffImageFile,
}
_ORIENTATION, _TILE_WIDTH, _TILE_LENGTH = 0x0112, 322, 323  # tags of EXIF and TIFF
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A decoded image: `pixels` are uint8 `(channels, height, width)` of `spec`."""

    spec: ImageSpec
    pixels: Pixels
    info: ImageInfo
    warnings: list[str]

    def windows(self) -> Iterator[Window]:
        """The one model input."""
        return windows(self.pixels, self.spec)


def windows(pixels: Pixels, spec: ImageSpec) -> Iterator[Window]:
    """The one model input of `pixels`, uint8 `(channels, height, width)`."""
    yield Window(normalise_brightness(brightness(pixels), spec.mean, spec.deviation), segment=None)


@contextmanager
def open_image(
    source: Source, spec: ImageSpec, limits: DecodeLimits | None = None, decoders: DecoderPool | None = None
) -> Iterator[PreparedImage]:
    """An image for a model with `spec`. Of several frames or pages the first is taken, with a warning.

    decoders: where Pillow runs; in this process by default.
    Raises `EmptyVisualError` for no bytes, `UnsupportedVisualError` for another format or medium or for pixels
    without an agreed brightness, `VisualTooLargeError` beyond `limits`, `UndecodableVisualError` for damaged or
    incomplete bytes, and what `open_source` and `decoders` raise.
    """
    limits = limits or DecodeLimits()
    with open_source(source, limits) as file:
        prepared = _elsewhere(decoders, file, spec, limits) if decoders else _decoded(file, spec, limits)
    yield prepared


def decode_image(file: BinaryIO, spec: dict[str, Any], limits: dict[str, Any]) -> Iterator[Message]:
    """In a child: the pixels and what is known of the image, in one message."""
    image = _decoded(file, ImageSpec(**spec), DecodeLimits(**limits))
    yield Message({"info": asdict(image.info), "warnings": image.warnings}, image.pixels)


def _elsewhere(decoders: DecoderPool, file: BinaryIO, spec: ImageSpec, limits: DecodeLimits) -> PreparedImage:
    known, pixels = decoders.single(
        decode_image, file, asdict(spec), asdict(limits), failure=UndecodableVisualError, largest=math.prod(spec.shape)
    )
    return PreparedImage(spec, pixels, ImageInfo(**known["info"]), known["warnings"])


def _decoded(file: BinaryIO, spec: ImageSpec, limits: DecodeLimits) -> PreparedImage:
    format = expect_format(file.read(HEAD), "an image", tuple(_DECODERS))
    warnings: list[str] = []
    image = _open(file, format, limits)
    mode = image.mode
    picture = _upright(image, format, warnings)
    info = ImageInfo(*picture.size, mode, format)
    return PreparedImage(spec, fit_picture(_solid(picture, warnings), spec), info, warnings)


def _open(file: BinaryIO, format: str, limits: DecodeLimits) -> pillow.ImageFile:
    """The image with its header read, and that header checked."""
    if format == "webp":
        _check_webp(file, limits)
    file.seek(0)
    try:
        image = _DECODERS[format](file)
    except Exception as error:  # Pillow's decoders raise anything
        raise _undecodable(format) from error
    check_pixels(*image.size, limits)
    if isinstance(image, pillow.TiffImageFile):  # tiles are decoded whole, whatever the size of the picture
        tile = image.tag_v2.get(_TILE_WIDTH, 1), image.tag_v2.get(_TILE_LENGTH, 1)
        check_pixels(*tile, limits)
    check_decoded(image.width * image.height * 4, limits)  # Pillow keeps colours in 4 bytes a pixel
    return image


def _check_webp(file: BinaryIO, limits: DecodeLimits) -> None:
    """Checks the size in the header: the decoder takes memory for all pixels when it is opened, before it says one."""
    file.seek(12)
    chunk = file.read(18)
    if len(chunk) < 18:
        raise _undecodable("webp")
    if chunk.startswith(b"VP8X"):
        width, height = (int.from_bytes(chunk[at : at + 3], "little") + 1 for at in (12, 15))
    elif chunk.startswith(b"VP8L"):
        bits = int.from_bytes(chunk[9:13], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(chunk[at : at + 2], "little") & 0x3FFF for at in (14, 16))
    check_pixels(width, height, limits)


def _upright(image: pillow.ImageFile, format: str, warnings: list[str]) -> Image.Image:
    """The first frame, decoded and turned as its EXIF orientation says."""
    try:
        image.load()
        picture = image.copy()
    except Exception as error:
        raise _undecodable(format) from error
    try:
        orientation = image.getexif().get(_ORIENTATION)  # after load(), which turns TIFF by itself
    except Exception:
        warnings.append("the EXIF data is damaged and was left out: the image may lie on its side")
        orientation = None
    try:
        several = getattr(image, "is_animated", False)
    except Exception:
        several = True  # what follows the first frame is damaged
    if several:
        warnings.append("the file has several frames or pages; only the first was looked at")
    return picture.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else picture


def _solid(picture: Image.Image, warnings: list[str]) -> Image.Image:
    """The picture without transparency, 8 bits a channel."""
    if picture.mode.startswith("I;16"):
        # 65535 becomes 255; Pillow's own conversion clips at 255.
        wide = np.asarray(picture).astype(np.float32)
        return Image.fromarray(np.round(wide / 257).astype(np.uint8))
    if picture.mode in ("I", "F"):
        raise UnsupportedVisualError(
            "pixels of 32-bit integers or floats have no agreed black and white; save the image with 8 or 16 bits a "
            "channel, or give it to a model of volumes as a NumPy array"
        )
    try:
        if not picture.has_transparency_data:
            return picture.convert("RGB") if picture.mode != "L" else picture
        see_through = picture.convert("RGBA")
    except ValueError as error:
        raise UnsupportedVisualError(f"images of mode {picture.mode} are not read; save it as RGB") from error
    if see_through.getchannel("A").getextrema() != (255, 255):
        warnings.append("the image is transparent in places; they were taken as black")
    return on_black(see_through)


def _undecodable(format: str) -> UndecodableVisualError:
    return UndecodableVisualError(
        f"the file starts like {format} and cannot be decoded; it is damaged or cut short: export it again"
    )
