"""Which format a file is: told from its first bytes, never from its name, before any decoder sees it."""

from audiocnn.errors import EmptyVisualError, UndecodableVisualError, UnsupportedVisualError

HEAD = 512
"""How many first bytes are looked at."""

_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"\0\0\x01\xba", "mpeg"),
    (b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (b"FLV\x01", "flv"),
    (b"OggS", "ogg"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "npz"),
    (b"PK\x05\x06", "npz"),
    (b"fLaC", "flac"),
    (b"ID3", "mp3"),
    (b"%PDF", "pdf"),
    (b"#EXTM3U", "playlist"),
)
_RIFF = {b"WEBP": "webp", b"AVI ": "avi", b"WAVE": "wav"}
_STILL_BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic", b"msf1": "heic"}
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip")
_TS_PACKET = 188


def sniff(head: bytes) -> str | None:
    """The format that the first `HEAD` bytes announce, be it one that is read or one known only by name, or None."""
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _STILL_BRANDS.get(head[8:12], "mp4")
    if head[4:8] in _QUICKTIME_BOXES:
        return "mp4"
    if head[:1] == b"G" and head[_TS_PACKET : _TS_PACKET + 1] == b"G" == head[2 * _TS_PACKET : 2 * _TS_PACKET + 1]:
        return "mpegts"
    return next((name for start, name in _STARTS if head.startswith(start)), None)


def expect_format(head: bytes, medium: str, formats: tuple[str, ...]) -> str:
    """The format of a file that must be one of `formats`.

    medium: what the model eats, in words for the message, such as `an image`.
    Raises `EmptyVisualError` for no bytes, `UnsupportedVisualError` for a known format of another kind and
    `UndecodableVisualError` for bytes that announce none.
    """
    if not head:
        raise EmptyVisualError(f"expected {medium}, got no bytes; check that the upload or the file is complete")
    format = sniff(head)
    if format in formats:
        return format
    wanted = f"send {', '.join(formats[:-1])} or {formats[-1]}"
    if format is None:
        raise UndecodableVisualError(f"the bytes are not {medium} of a known format; {wanted}")
    raise UnsupportedVisualError(f"expected {medium}, got a file of format {format}; {wanted}")
