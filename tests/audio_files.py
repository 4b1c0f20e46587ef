"""Sounds and audio files for tests, made without the code under test: NumPy, `struct` and libsndfile.

Samples are float arrays of shape `(num_samples,)` or `(channels, num_samples)`, full scale at -1 and 1.
"""

import io
import struct
from collections.abc import Iterable

import numpy as np
import soundfile
from numpy.typing import NDArray

Sound = NDArray[np.floating]

WAV_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")

_TAGS = {"FLOAT": 3, "DOUBLE": 3, "ALAW": 6, "ULAW": 7}
_BITS = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64, "ALAW": 8, "ULAW": 8}
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def tone(hz: float = 440.0, seconds: float = 1.0, sample_rate: int = 16_000, channels: int = 1, peak: float = 0.5):
    """A sine `(channels, num_samples)`, the same on every channel, with its largest amplitude at `peak`."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.tile(peak * np.sin(2 * np.pi * hz * time), (channels, 1))


def noise(seconds: float = 1.0, sample_rate: int = 16_000, channels: int = 1, peak: float = 0.5, seed: int = 0):
    """White noise `(channels, num_samples)`, evenly distributed between -peak and peak, other on each channel."""
    return np.random.default_rng(seed).uniform(-peak, peak, (channels, round(seconds * sample_rate)))


def music(seconds: float = 3.0, sample_rate: int = 16_000, channels: int = 1, peak: float = 0.5, seed: int = 0):
    """Something like music `(channels, num_samples)`: plucked chords of harmonic notes over quiet noise."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    sound = 0.01 * random.standard_normal(len(time))
    for start in np.arange(0, seconds, 0.5):
        since = np.maximum(time - start, 0)
        for note in random.choice(24, 3, replace=False):
            hz = 110 * 2 ** (note / 12)
            for harmonic in range(1, 6):
                if harmonic * hz < sample_rate / 2:
                    sound += (time >= start) * np.exp(-4 * since) / harmonic * np.sin(2 * np.pi * harmonic * hz * since)
    return np.tile(sound / np.abs(sound).max() * peak, (channels, 1))


def silence(seconds: float = 1.0, sample_rate: int = 16_000, channels: int = 1):
    """Zeros `(channels, num_samples)`."""
    return np.zeros((channels, round(seconds * sample_rate)))


def sample_bytes(samples: Sound, subtype: str = "PCM_16", big_endian: bool = False) -> bytes:
    """The interleaved samples as the body of a data chunk. Floats are stored as they are, NaN included."""
    order = ">" if big_endian else "<"
    flat = np.atleast_2d(samples).T.ravel()
    if subtype in ("FLOAT", "DOUBLE"):
        return flat.astype(f"{order}f{_BITS[subtype] // 8}").tobytes()
    if subtype in ("ULAW", "ALAW"):
        raw = io.BytesIO()
        soundfile.write(raw, flat, 8000, format="RAW", subtype=subtype)
        return raw.getvalue()
    half = 2 ** (_BITS[subtype] - 1)
    integers = np.clip(np.round(flat.astype(np.float64) * half), -half, half - 1).astype(np.int64)
    if subtype == "PCM_U8":
        return (integers + 128).astype(np.uint8).tobytes()
    if subtype == "PCM_24":
        triples = integers.astype(f"{order}i4").view(np.uint8).reshape(-1, 4)
        return (triples[:, 1:] if big_endian else triples[:, :3]).tobytes()
    return integers.astype(f"{order}i{_BITS[subtype] // 8}").tobytes()


def format_body(
    subtype: str = "PCM_16",
    sample_rate: int = 16_000,
    channels: int = 1,
    *,
    big_endian: bool = False,
    extensible: bool = False,
    bits: int | None = None,
    tag: int | None = None,
    block_align: int | None = None,
    guid_tail: bytes = _GUID_TAIL,
) -> bytes:
    """The body of a `fmt ` chunk: 16 bytes, or 40 if `extensible`. The other arguments override honest values."""
    order = ">" if big_endian else "<"
    container = _BITS[subtype]
    align = channels * container // 8 if block_align is None else block_align
    code = _TAGS.get(subtype, 1) if tag is None else tag
    shown_bits = container if bits is None else bits
    rate_bytes = min(align * sample_rate, 0xFFFFFFFF)
    head = (_EXTENSIBLE if extensible else code, channels, sample_rate, rate_bytes, align)
    if not extensible:
        return struct.pack(order + "HHIIHH", *head, shown_bits)
    body = struct.pack(order + "HHIIHH", *head, container) + struct.pack(order + "HHI", 22, shown_bits, 0)
    return body + struct.pack(order + "H", code) + guid_tail


def wav_bytes(
    samples: Sound,
    sample_rate: int = 16_000,
    subtype: str = "PCM_16",
    *,
    magic: bytes = b"RIFF",
    extensible: bool = False,
    chunks: Iterable[tuple[bytes, bytes]] = (),
    data_size: int | None = None,
    format_chunk: bytes | None = None,
) -> bytes:
    """A WAV file.

    magic: RIFF, RIFX (big-endian), RF64 or BW64 (sizes in a ds64 chunk). chunks: (name, body) to put before `fmt `.
    data_size: what the data chunk's header claims, the truth by default. format_chunk: body of `fmt ` to use instead.
    """
    big_endian = magic == b"RIFX"
    order = ">" if big_endian else "<"
    data = sample_bytes(samples, subtype, big_endian)
    if format_chunk is None:
        channels = np.atleast_2d(samples).shape[0]
        format_chunk = format_body(subtype, sample_rate, channels, big_endian=big_endian, extensible=extensible)
    long_sizes = magic in (b"RF64", b"BW64")
    if data_size is None:
        data_size = 0xFFFFFFFF if long_sizes else len(data)
    body = b""
    if long_sizes:
        sizes = struct.pack("<QQQI", 0, len(data), np.atleast_2d(samples).shape[1], 0)
        body += chunk(b"ds64", sizes)
    for name, content in chunks:
        body += chunk(name, content, order)
    body += chunk(b"fmt ", format_chunk, order)
    body += b"data" + struct.pack(order + "I", data_size) + data + b"\0" * (len(data) % 2)
    riff_size = 0xFFFFFFFF if long_sizes else 4 + len(body)
    return magic + struct.pack(order + "I", riff_size) + b"WAVE" + body


def chunk(name: bytes, content: bytes, order: str = "<") -> bytes:
    """A RIFF chunk, padded to an even length."""
    return name + struct.pack(order + "I", len(content)) + content + b"\0" * (len(content) % 2)


def encoded(samples: Sound, sample_rate: int = 16_000, format: str = "FLAC", subtype: str | None = None) -> bytes:
    """A file written by libsndfile: `FLAC`, `OGG`, `MP3`, `AIFF`, `AU`, `CAF`, `WAV`, `RF64`, ..."""
    file = io.BytesIO()
    soundfile.write(file, np.atleast_2d(samples).T, sample_rate, format=format, subtype=subtype)
    return file.getvalue()


def as_decoded_by_libsndfile(data: bytes) -> tuple[Sound, int]:
    """Float32 samples `(channels, num_samples)` and sample rate, in libsndfile's own reading."""
    samples, sample_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return samples.T, sample_rate
