"""Hostile images and volumes. Video has its own tests of damage; it is slow to send all of it again."""

import io
import pickle
import struct
import zipfile
import zlib
from functools import cache

import numpy as np

from tests.hostile.files import HostileFile, named
from tests.visual_files import image_bytes, noise_picture, npy_bytes

BAD, EMPTY, FOREIGN, LARGE, WILD = (
    "undecodable_visual",
    "empty_visual",
    "unsupported_visual",
    "visual_too_large",
    "non_finite_visual",
)


@cache
def hostile_pictures() -> tuple[HostileFile, ...]:
    """Named images and volumes, one for each way that is known to break a decoder."""
    return named(_images(), "image") + named(_volumes(), "volume")


def _png(width: int, height: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A grey PNG whose header claims `width` x `height`; rows: what its data unfolds into."""
    body = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), *chunks]
    body += [(b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in body
    )


def _images() -> dict[str, tuple[bytes, str]]:
    whole = image_bytes(noise_picture(20, 30))
    jpeg = image_bytes(noise_picture(20, 30), "JPEG")
    either = f"{BAD}|answer"
    size = jpeg.index(b"\xff\xc0") + 5
    return {
        "no image": (b"", EMPTY),
        "text as an image": (b"this is not an image", BAD),
        "sound as an image": (b"RIFF\0\0\0\0WAVEfmt ", FOREIGN),
        "PNG of 60000 x 60000": (_png(60_000, 60_000, bytes(100)), LARGE),
        "PNG of 2^31 - 1 x 2^31 - 1": (_png(2**31 - 1, 2**31 - 1, bytes(100)), LARGE),
        "PNG of 0 x 0": (_png(0, 0, b""), f"{EMPTY}|{BAD}"),
        "PNG whose data unfolds into 50 MB more": (_png(8, 8, bytes(50_000_000)), either),
        "PNG whose text unfolds into 50 MB": (
            _png(8, 8, bytes(72), (b"zTXt", b"k\0\0" + zlib.compress(bytes(50_000_000), 9))),
            either,
        ),
        "PNG cut short": (whole[: len(whole) // 2], BAD),
        "PNG signature alone": (whole[:8], BAD),
        "JPEG cut short": (jpeg[:300], BAD),
        "JPEG of 65535 x 65535": (jpeg[:size] + b"\xff\xff\xff\xff" + jpeg[size + 4 :], LARGE),
        "GIF of 65535 x 65535": (b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\0;", f"{LARGE}|{BAD}"),
        "BMP of -2^31 rows": (
            b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 8, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0) + bytes(200),
            f"{LARGE}|{BAD}|{EMPTY}",
        ),
        "WebP of 16384 x 16384": (
            b"RIFF\x1a\0\0\0WEBPVP8L" + struct.pack("<IBI", 9, 0x2F, 0x3FFF | 0x3FFF << 14) + bytes(5),
            LARGE,
        ),
        "TIFF whose directory is itself": (
            b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 256, 4, 1, 8) + b"\x08\0\0\0",
            BAD,
        ),
        "HEIC": (b"\0\0\0\x18ftypheic" + bytes(100), FOREIGN),
        "a PDF as an image": (b"%PDF-1.7\n" + bytes(600), FOREIGN),
    }


def _volumes() -> dict[str, tuple[bytes, str]]:
    whole = npy_bytes(np.zeros((4, 5, 6), np.float32))

    def header(shape: str, descr: str = "<f4") -> bytes:
        text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(118) + b"\n"
        return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(480)

    def archive(data: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr("../volume.npy", data)
        return file.getvalue()

    return {
        "no volume": (b"", EMPTY),
        "an array of 2^60 values": (header("(1048576, 1048576, 1048576)"), LARGE),
        "an array of negative length": (header("(-1, 4, 4)"), BAD),
        "an array of no length": (header("(0, 4, 4)"), EMPTY),
        "an array of one axis": (npy_bytes(np.zeros(100, np.float32)), FOREIGN),
        "a header that is a program": (header("__import__('os')._exit(66)"), BAD),
        "an array of pickles": (header("(4, 5, 6)", "|O"), FOREIGN),
        "a pickle as a volume": (pickle.dumps({"volume": 1}), BAD),
        "an array of NaN": (npy_bytes(np.full((4, 5, 6), np.nan, np.float32)), WILD),
        "an array cut short": (whole[:200], BAD),
        "an archive that unfolds into 400 MB": (archive(header("(100, 1000, 1000)") + bytes(50_000_000)), LARGE),
        "an archive with nothing in it": (b"PK\5\6" + bytes(18), EMPTY),
        "an archive cut short": (archive(whole)[:100], BAD),
    }
