"""A look at the tables of an MP4 file before FFmpeg unfolds them.

FFmpeg keeps some 40 bytes for each sample that a header announces. Most tables list their samples, so that the file
must be as large as its promise; two may only give a number, and a file of a kilobyte can promise billions.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from audiocnn.errors import UnsupportedVisualError, VisualTooLargeError

_NO_TABLES = (b"mdat", b"free", b"skip", b"wide", b"ftyp", b"uuid")
_LEAST_SAMPLE = 8
"""Bytes of a compressed sample, at the least."""


def check_tables(file: BinaryIO) -> None:
    """Raises `VisualTooLargeError` if tables announce more samples than a file of this size can hold, and
    `UnsupportedVisualError` if they are compressed and so cannot be looked at.

    FFmpeg accepts a table inside nearly any box, so all bytes outside the media itself are searched for their names.
    """
    file_bytes = file.seek(0, os.SEEK_END)
    for box in _boxes(file, file_bytes):
        if b"cmov" in box:
            raise UnsupportedVisualError("QuickTime files with a compressed header are not read; convert it to MP4")
        # Sound without compression counts single amplitudes, of a byte or more, each shown for one tick of the clock.
        amplitudes = any(box[at + 8 : at + 12] == box[at + 16 : at + 20] == b"\0\0\0\1" for at in _places(b"stts", box))
        for at in _places(b"stsz", box):
            sample_bytes, count = struct.unpack_from(">II", box, at + 8)
            if sample_bytes:
                _check(count, 1 if amplitudes else _LEAST_SAMPLE, file_bytes)
        for at in _places(b"trun", box):
            flags, count = struct.unpack_from(">II", box, at + 4)
            if not flags & 0xF00:  # no field for each sample
                _check(count, _LEAST_SAMPLE, file_bytes)


def _boxes(file: BinaryIO, file_bytes: int) -> Iterator[bytes]:
    """The boxes of the file that may hold tables."""
    at = 0
    while at + 8 <= file_bytes:
        file.seek(at)
        header = file.read(16)
        size, name = struct.unpack_from(">I", header)[0], header[4:8]
        if size == 1 and len(header) == 16:
            size = struct.unpack_from(">Q", header, 8)[0]
        if size < 8:  # to the end of the file
            size = file_bytes - at
        if name not in _NO_TABLES:
            file.seek(at)
            yield file.read(min(size, file_bytes - at))
        at += size


def _places(name: bytes, box: bytes) -> Iterator[int]:
    """Where a box of that name starts its name, if its first numbers are there too."""
    at = box.find(name)
    while at >= 0:
        if at + 20 <= len(box):
            yield at
        at = box.find(name, at + 4)


def _check(count: int, least_bytes: int, file_bytes: int) -> None:
    if count * least_bytes > file_bytes:
        raise VisualTooLargeError(
            f"the header announces {count} samples, a file of {file_bytes} bytes cannot hold them; it is damaged: "
            "export it again"
        )
