"""Whether the chunks of a WAV or AIFF file are in such order that another can be added."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BYTE_ORDER = {b"RIFF": "<", b"FORM": ">"}
_FORMS = (b"WAVE", b"AIFF", b"AIFC")
_SAMPLES = {1: "PCM", 3: "float", 0xFFFE: "extensible"}
_MAX_CHUNKS = 10_000


class ChunkError(Exception):
    """The file is not one that another chunk can be added to; the text says why."""


def check_chunks(path: Path) -> None:
    """Raises `ChunkError` unless the sizes in the headers fit the file, and a WAV file holds plain samples.

    A chunk is added behind the last, and where a wrong size says that this is would be amid the samples.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        for name, start, _ in _chunks(file, _BYTE_ORDER.get(magic, "")):
            if magic == b"RIFF" and name == b"fmt ":
                file.seek(start)
                (code,) = struct.unpack("<H", file.read(2).ljust(2, b"\0"))
                if code not in _SAMPLES:
                    known = ", ".join(_SAMPLES.values())
                    raise ChunkError(f"tags go into WAV files of {known} samples, and this one holds codec {code:#06x}")


def info_genre(path: Path) -> str:
    """The genre in the INFO list of a WAV file, or nothing: some programs write it there and not in ID3."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return ""
        for name, start, size in list(_chunks(file, "<")):
            file.seek(start)
            if name != b"LIST" or file.read(4) != b"INFO":
                continue
            for entry, at, length in _walk(file, "<", start + 4, start + size):
                if entry == b"IGNR":
                    file.seek(at)
                    return file.read(length).split(b"\0")[0].decode("utf-8", "replace").strip()
    return ""


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int, int]]:
    """The name, start and size of each chunk of a file that has been read as far as its magic number."""
    head = file.read(8)
    if not order or len(head) < 8 or head[4:] not in _FORMS:
        raise ChunkError("expected a RIFF WAVE or an AIFF header")
    end = 8 + struct.unpack(f"{order}I", head[:4])[0]
    found = os.fstat(file.fileno()).st_size
    if end != found:
        raise ChunkError(f"its header promises {end} bytes and the file has {found}; export it again")
    yield from _walk(file, order, 12, end)


def _walk(file: BinaryIO, order: str, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MAX_CHUNKS):
        if at == end:
            return
        file.seek(at)
        head = file.read(8)
        size = struct.unpack(f"{order}I", head[4:])[0] if len(head) == 8 else 0
        start, at = at + 8, at + 8 + size + size % 2
        if len(head) < 8 or at > end:
            raise ChunkError("a chunk reaches beyond the end of the file; export it again")
        yield head[:4], start, size
    raise ChunkError(f"it has more than {_MAX_CHUNKS} chunks")
