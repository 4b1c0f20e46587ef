"""Every format and mode of picture, its orientation and transparency, and what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from audiocnn.errors import (
    EmptyVisualError,
    FileTooLargeError,
    UndecodableVisualError,
    UnreadableFileError,
    UnsupportedVisualError,
    VisualTooLargeError,
)
from audiocnn.limits import DecodeLimits
from audiocnn.media import open_media
from audiocnn.prediction import ImageInfo
from audiocnn.spec import ImageSpec
from audiocnn.visual.image import open_image, windows
from tests.audio_files import tone, wav_bytes
from tests.visual_files import grey_frames, image_bytes, noise_picture, npy_bytes, video_bytes

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


def read(source, limits=None, **fields):
    """The prepared image, fitted to 6 rows of 8 RGB pixels if nothing else is said."""
    spec = ImageSpec(**{"height": 6, "width": 8, "channels": 3, "fit": "stretch", **fields})
    with open_image(source, spec, limits) as image:
        return image


def pixels(source, **fields):
    """The pixels `(height, width, channels)`."""
    return np.moveaxis(read(source, **fields).pixels, 0, -1)


def smooth_picture(height=6, width=8):
    """Colours that JPEG hardly changes: red grows downwards, green to the right."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([30 * rows + 20, 25 * columns + 20, np.full_like(rows, 90)], axis=-1).astype(np.uint8)


class TestFormats:
    @pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
    def test_lossless(self, format):
        picture = noise_picture(6, 8)
        image = read(image_bytes(picture, format))
        np.testing.assert_array_equal(image.pixels, np.moveaxis(picture, -1, 0))
        assert image.info == ImageInfo(8, 6, "RGB", format.lower())
        assert image.warnings == []

    @pytest.mark.parametrize(
        ("format", "options"),
        [
            ("WEBP", {"lossless": True}),
            ("PNG", {"optimize": True}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ],
    )
    def test_lossless_compressions(self, format, options):
        picture = noise_picture(6, 8)
        np.testing.assert_array_equal(pixels(image_bytes(picture, format, **options)), picture)

    @pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
    @pytest.mark.parametrize("format", ["JPEG", "WEBP"])
    def test_lossy(self, format, options):
        picture = smooth_picture(48, 64) // 8
        got = pixels(image_bytes(picture, format, quality=95, **options), height=48, width=64)
        assert np.abs(got.astype(int) - picture).mean() < 3

    def test_gif(self):
        picture = noise_picture(6, 8, channels=1)
        image = read(image_bytes(picture, "GIF"))
        np.testing.assert_array_equal(image.pixels, [picture] * 3)
        assert image.info.format == "gif"
        assert image.warnings == []

    @pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
    def test_of_several_frames_the_first_is_taken_with_a_warning(self, format):
        first, second = (Image.fromarray(frame) for frame in grey_frames([40, 200], 6, 8))
        options = {"lossless": True} if format == "WEBP" else {}
        image = read(image_bytes(first, format, save_all=True, append_images=[second], **options))
        assert set(image.pixels.ravel().tolist()) == {40}
        assert image.warnings == ["the file has several frames or pages; only the first was looked at"]

    def test_names_are_not_believed(self, tmp_path):
        path = tmp_path / "picture.jpg"
        path.write_bytes(image_bytes(noise_picture(6, 8), "PNG"))
        assert read(path).info.format == "png"
        assert read(str(path)).info.format == "png"


class TestModes:
    def test_grey(self):
        picture = noise_picture(6, 8, channels=1)
        np.testing.assert_array_equal(pixels(image_bytes(picture), channels=1)[..., 0], picture)

    def test_black_and_white(self):
        bits = noise_picture(6, 8, channels=1) > 127
        got = pixels(image_bytes(Image.fromarray(bits)), channels=1)[..., 0]
        np.testing.assert_array_equal(got, 255 * bits.astype(np.uint8))

    def test_palette(self):
        image = Image.fromarray(noise_picture(6, 8)).quantize(16)
        np.testing.assert_array_equal(pixels(image_bytes(image)), np.asarray(image.convert("RGB")))

    @pytest.mark.parametrize("format", ["PNG", "TIFF"])
    def test_16_bits_of_grey_are_scaled_and_not_clipped(self, format):
        levels = np.array([[0, 257, 300, 32768, 65535, 128 * 257, 200 * 257, 100]], np.uint16).repeat(6, 0)
        got = read(image_bytes(levels, format), channels=1)
        assert got.pixels[0, 0].tolist() == [0, 1, 1, 128, 255, 128, 200, 0]
        assert got.info.mode.startswith("I;16")

    def test_16_bits_big_endian(self):
        levels = Image.fromarray(np.full((6, 8), 200 * 257, ">u2"))
        assert set(read(image_bytes(levels, "TIFF"), channels=1).pixels.ravel().tolist()) == {200}

    def test_cmyk(self):
        image = Image.new("CMYK", (8, 6), (0, 255, 255, 0))
        assert pixels(image_bytes(image, "TIFF"))[0, 0].tolist() == [255, 0, 0]
        assert np.abs(pixels(image_bytes(image, "JPEG"))[0, 0].astype(int) - [255, 0, 0]).max() < 5

    def test_ycbcr(self):
        image = Image.fromarray(smooth_picture()).convert("YCbCr")
        assert np.abs(pixels(image_bytes(image, "TIFF")).astype(int) - smooth_picture()).max() < 4

    @pytest.mark.parametrize("mode", ["I", "F"])
    def test_values_without_an_agreed_brightness_are_refused(self, mode):
        with pytest.raises(UnsupportedVisualError, match="have no agreed black and white"):
            read(image_bytes(Image.new(mode, (8, 6)), "TIFF"))

    def test_what_pillow_cannot_convert_is_refused(self, monkeypatch):
        def refuse(self, mode):
            raise ValueError(f"conversion from {self.mode} to {mode} not supported")

        source = image_bytes(noise_picture(6, 8))
        monkeypatch.setattr(Image.Image, "convert", refuse)
        with pytest.raises(UnsupportedVisualError, match="images of mode RGB are not read; save it as RGB"):
            read(source)


class TestTransparency:
    @pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
    def test_it_shows_black(self, format):
        picture = np.full((6, 8, 4), 200, np.uint8)
        picture[..., 3] = 255
        picture[0, 0, 3] = 0
        picture[0, 1, 3] = 128
        options = {"lossless": True, "exact": True} if format == "WEBP" else {}
        image = read(image_bytes(picture, format, **options))
        assert image.pixels[0, 0, :3].tolist() == [0, 100, 200]
        assert image.warnings == ["the image is transparent in places; they were taken as black"]

    def test_an_opaque_alpha_channel_is_no_warning(self):
        picture = noise_picture(6, 8, channels=4)
        picture[..., 3] = 255
        image = read(image_bytes(picture))
        np.testing.assert_array_equal(image.pixels, np.moveaxis(picture[..., :3], -1, 0))
        assert image.warnings == []

    def test_grey_with_alpha(self):
        picture = Image.merge("LA", [Image.new("L", (8, 6), 100), Image.new("L", (8, 6), 0)])
        assert not read(image_bytes(picture)).pixels.any()

    @pytest.mark.parametrize("mode", ["P", "L", "RGB"])
    def test_one_colour_marked_as_transparent(self, mode):
        picture = Image.new("L", (8, 6), 100)
        picture.putpixel((0, 0), 200)
        colour = (200, 200, 200) if mode == "RGB" else 200
        image = read(image_bytes(picture.convert(mode), transparency=colour))
        assert image.pixels[:, 0, :2].tolist() == [[0, 100]] * 3
        assert len(image.warnings) == 1


# What a camera stores when it is turned, for the number it writes: the inverse of what the reader must do.
STORED = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: x.swapaxes(0, 1)[::-1],
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: lambda x: x.swapaxes(0, 1)[:, ::-1],
}


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
    def test_pictures_are_turned_upright(self, format, orientation):
        upright = np.kron(np.array([[20, 220, 120], [90, 160, 250]], np.uint8), np.ones((16, 16), np.uint8))
        stored = np.ascontiguousarray(STORED[orientation](upright))
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = read(image_bytes(stored, format, exif=exif), height=32, width=48, channels=1)
        assert np.abs(image.pixels[0].astype(int) - upright).max() < 10
        assert (image.info.height, image.info.width) == upright.shape
        assert image.warnings == []

    def test_an_unknown_orientation_is_none(self):
        picture = noise_picture(6, 8)
        exif = Image.Exif()
        exif[0x0112] = 77
        np.testing.assert_array_equal(pixels(image_bytes(picture, exif=exif)), picture)

    def test_damaged_exif_is_left_out_with_a_warning(self):
        picture = noise_picture(6, 8)
        image = read(image_bytes(picture, exif=b"Exif\0\0MM\0\x2a\0\0"))
        np.testing.assert_array_equal(image.pixels, np.moveaxis(picture, -1, 0))
        assert "EXIF" in image.warnings[0]


class TestWindow:
    def test_the_window_is_the_normalised_pixels(self):
        source = image_bytes(noise_picture(6, 8))
        image = read(source, mean=0.4, deviation=0.2)
        (window,) = image.windows()
        assert window.values.dtype == np.float32
        np.testing.assert_allclose(window.values, (image.pixels / 255 - 0.4) / 0.2, rtol=1e-5, atol=1e-6)
        assert (window.segment, window.silent) == (None, False)

    def test_what_training_caches_gives_the_same_window(self):
        image = read(image_bytes(noise_picture(30, 40)))
        (cached,), (whole,) = windows(image.pixels.copy(), image.spec), image.windows()
        np.testing.assert_array_equal(cached.values, whole.values)

    def test_one_door(self):
        source, spec = image_bytes(noise_picture(30, 40)), ImageSpec(6, 8, 3)
        with open_media(source, spec) as image:
            (window,) = image.windows()
        assert window.values.shape == spec.shape


def png_header(width, height):
    body = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + body
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return start + struct.pack(">I", 10) + b"IDAT" + bytes(14)


def webp_header(width, height, kind):
    if kind == b"VP8X":
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + bytes(5)
    else:
        body = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


def with_size(data, width, height, format):
    """An encoded picture whose header claims another size."""
    at, layout = {"GIF": (6, "<HH"), "BMP": (18, "<ii")}[format]
    return data[:at] + struct.pack(layout, width, height) + data[at + struct.calcsize(layout) :]


class TestLimits:
    LIMITS = DecodeLimits(max_pixels=1000)

    @pytest.mark.parametrize("format", FORMATS)
    def test_pixels(self, format):
        source = image_bytes(noise_picture(30, 40), format)
        with pytest.raises(VisualTooLargeError, match="at most 1000 pixels are accepted, the header says 40 x 30"):
            read(source, self.LIMITS)
        assert read(source, DecodeLimits(max_pixels=1200)).info.width == 40

    @pytest.mark.parametrize(
        "source",
        [
            png_header(60_000, 60_000),
            webp_header(16_000, 16_000, b"VP8X"),
            webp_header(16_000, 16_000, b"VP8L"),
            webp_header(16_000, 16_000, b"VP8 "),
            with_size(image_bytes(noise_picture(6, 8), "GIF"), 60_000, 60_000, "GIF"),
            with_size(image_bytes(noise_picture(6, 8), "BMP"), 60_000, 60_000, "BMP"),
        ],
        ids=["png", "webp", "webp lossless", "webp lossy", "gif", "bmp"],
    )
    def test_bombs_are_refused_by_their_header(self, source, monkeypatch):
        monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # no pixel may be decoded
        with pytest.raises(VisualTooLargeError, match=r"60000 x 60000|16000 x 16000"):
            read(source)

    def test_a_webp_bomb_never_reaches_the_decoder(self, monkeypatch):
        from PIL import _webp

        monkeypatch.setattr(_webp, "WebPAnimDecoder", None)
        with pytest.raises(VisualTooLargeError):
            read(image_bytes(noise_picture(30, 40), "WEBP"), self.LIMITS)

    def test_tiles_larger_than_the_picture(self):
        data = image_bytes(noise_picture(6, 8), "TIFF")
        with Image.open(io.BytesIO(data)) as image:
            tags = dict(image.tag_v2)
        assert 322 not in tags
        source = tiled_tiff(8, 6, 60_000, 60_000)
        with pytest.raises(VisualTooLargeError, match="60000 x 60000"):
            read(source)

    def test_decoded_bytes(self):
        with pytest.raises(VisualTooLargeError, match="at most 4000 decoded bytes"):
            read(image_bytes(noise_picture(30, 40)), DecodeLimits(max_decoded_bytes=4000))

    def test_encoded_bytes(self):
        with pytest.raises(FileTooLargeError):
            read(image_bytes(noise_picture(30, 40)), DecodeLimits(max_bytes=100))

    def test_more_pixels_than_pillow_itself_allows_are_read_without_a_warning_if_the_limit_says_so(self, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
        for format in ("PNG", "JPEG", "GIF", "BMP"):
            assert read(image_bytes(noise_picture(6, 8), format)).info.width == 8


def tiled_tiff(width, height, tile_width, tile_height):
    """A grey TIFF of one tile without data."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 4, 8),
        (259, 4, 8),
        (262, 4, 1),
        (277, 4, 1),
        (322, 4, tile_width),
        (323, 4, tile_height),
        (324, 4, 8),
        (325, 4, 8),
    ]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)


class TestRefused:
    def test_no_bytes(self):
        with pytest.raises(EmptyVisualError, match="expected an image, got no bytes"):
            read(b"")

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            (wav_bytes(tone()), "wav"),
            (video_bytes(grey_frames([1, 2]), "mp4 h264"), "mp4"),
            (npy_bytes(np.zeros((4, 4, 4))), "npy"),
            (b"\0\0\0\x1cftypheic" + bytes(40), "heic"),
            (b"\0\0\0\x1cftypavif" + bytes(40), "avif"),
            (b"%PDF-1.7\n", "pdf"),
        ],
    )
    def test_other_formats_are_named(self, source, name):
        with pytest.raises(UnsupportedVisualError, match=f"expected an image, got a file of format {name}; send png"):
            read(source)

    @pytest.mark.parametrize(
        "source", [b"hello, I am a text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 99]
    )
    def test_bytes_of_no_known_format(self, source):
        with pytest.raises(UndecodableVisualError, match="not an image of a known format; send png"):
            read(source)

    @pytest.mark.parametrize("format", FORMATS)
    def test_cut_short(self, format):
        data = image_bytes(noise_picture(60, 80), format)
        for kept in (0.02, 0.5, 0.9):
            with pytest.raises(UndecodableVisualError, match=f"starts like {format.lower()} and cannot be decoded"):
                read(data[: int(kept * len(data))])

    def test_no_file(self, tmp_path):
        with pytest.raises(UnreadableFileError):
            read(tmp_path / "nothing.png")
