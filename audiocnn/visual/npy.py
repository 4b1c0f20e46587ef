"""NumPy's files, `.npy` and `.npz`, read without believing them: no pickles, and no memory is touched before the
header has been checked against the limits."""

import math
import zipfile
from contextlib import suppress
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from audiocnn.errors import EmptyVisualError, MediaError, UndecodableVisualError, UnsupportedVisualError
from audiocnn.limits import DecodeLimits
from audiocnn.visual.bounds import check_decoded

MEMBER = "volume"
"""The array that is read from an `.npz` file with several."""

_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
_MAX_HEADER = 10_000
_ATTEMPTS = 5
_PIECE = 1 << 20


def read_array(file: BinaryIO, format: str, limits: DecodeLimits) -> NDArray[Any]:
    """The array of booleans, integers or floats in a file of format `npy` or `npz`.

    Raises `UndecodableVisualError` for a damaged header or missing bytes, `UnsupportedVisualError` for other types
    and compressions and for several arrays of which none is called `volume`, `EmptyVisualError` for an axis of
    length 0, `VisualTooLargeError` beyond `limits`.
    """
    try:
        if format == "npy":
            return _read_npy(file, limits)
        with zipfile.ZipFile(file) as archive, archive.open(_member(archive)) as member:
            return _read_npy(member, limits)
    except MediaError:
        raise
    except Exception as error:  # the parsers of zipfile and NumPy raise anything
        raise UndecodableVisualError(f"the {format} file is damaged or cut short; save it again") from error


def _member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    arrays = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if not info.is_dir()}
    if not arrays:
        raise EmptyVisualError("the npz file holds no array; save it again")
    if len(arrays) > 1 and MEMBER not in arrays:
        names = ", ".join(sorted(arrays)[:5])
        raise UnsupportedVisualError(
            f"expected one array, or one called '{MEMBER}', the npz file has {len(arrays)}: {names}; "
            "save the volume alone"
        )
    member = arrays[MEMBER] if MEMBER in arrays else next(iter(arrays.values()))
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
        raise UnsupportedVisualError(
            "arrays in npz files must be stored or deflated and not encrypted; save it with numpy.savez_compressed"
        )
    return member


def _read_npy(file: IO[bytes], limits: DecodeLimits) -> NDArray[Any]:
    shape, fortran_order, dtype = _read_header(file)
    if dtype.kind not in "biuf":
        raise UnsupportedVisualError(
            f"expected an array of booleans, integers or floats, got {dtype}; save array.astype(numpy.float32)"
        )
    if 0 in shape:
        raise EmptyVisualError(f"every axis must have a length above 0, got an array of shape {shape}")
    num_bytes = math.prod(shape) * dtype.itemsize
    check_decoded(num_bytes, limits)
    buffer = np.empty(num_bytes, np.uint8)
    filled = 0
    while filled < num_bytes:
        piece = file.read(min(_PIECE, num_bytes - filled))
        if not piece:
            raise UndecodableVisualError(
                f"the array is cut short: its header promises {num_bytes} bytes, it holds {filled}; save it again"
            )
        buffer[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
        filled += len(piece)
    return buffer.view(dtype).reshape(shape, order="F" if fortran_order else "C")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy_format.read_magic(file)
    start = file.tell()
    for _ in range(_ATTEMPTS - 1):
        # NumPy reads a header with `ast`, whose counter of depth CPython 3.11 shares between threads: now and then it
        # raises SystemError about a text that is right.
        with suppress(SystemError):
            return _HEADERS[version](file, max_header_size=_MAX_HEADER)
        file.seek(start)
    return _HEADERS[version](file, max_header_size=_MAX_HEADER)
