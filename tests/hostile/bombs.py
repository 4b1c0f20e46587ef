"""Small files that unfold into gigabytes of silence."""

import struct
from collections.abc import Sequence
from functools import cache

from tests.audio_files import encoded, silence, wav_bytes


def flac_bomb(samples: int, channels: int = 8, sample_rate: int = 48_000) -> bytes:
    """A FLAC file of at least `samples` samples of silence per channel, 35 bytes for each 65,535 of them."""
    block = 65_535
    count = -(-samples // block)
    stream = struct.pack(">HH", block, block) + bytes(6)
    stream += struct.pack(">Q", sample_rate << 44 | (channels - 1) << 41 | 15 << 36 | count * block) + bytes(16)
    frames = []
    for number in range(count):
        head = (
            bytes([0xFF, 0xF8, 0x70, (channels - 1) << 4 | 0x08]) + chr(number).encode() + struct.pack(">H", block - 1)
        )
        frame = head + bytes([_crc(head, 8, 0x07)]) + bytes(3 * channels)  # each channel: constant, 16 bits of zero
        frames.append(frame + struct.pack(">H", _crc(frame, 16, 0x8005)))
    return b"fLaC\x80\0\0\x22" + stream + b"".join(frames)


def ogg_bomb(seconds: int, sample_rate: int = 8000) -> bytes:
    """An Ogg Vorbis file of at least `seconds` of silence: one page of it, again and again."""
    pages = _ogg_pages(encoded(silence(60, sample_rate), sample_rate, "OGG"))
    times = [struct.unpack_from("<q", page, 6)[0] for page in pages]
    # A page between two others of the same length, behind those with the headers.
    at = next(n for n in range(3, len(pages)) if times[n] - times[n - 1] == times[n - 1] - times[n - 2] > 0)
    step, start = times[at] - times[at - 1], times[at - 1]
    count = -(-seconds * sample_rate // step)
    return b"".join([*pages[:at], *(_renumbered(pages[at], at + n, start + (n + 1) * step) for n in range(count))])


def _ogg_pages(data: bytes) -> list[bytes]:
    pages = []
    while data:
        segments = data[26]
        length = 27 + segments + sum(data[27 : 27 + segments])
        pages.append(data[:length])
        data = data[length:]
    return pages


def _renumbered(page: bytes, number: int, granule: int) -> bytes:
    page = page[:6] + struct.pack("<q", granule) + page[14:18] + struct.pack("<I", number) + bytes(4) + page[26:]
    return page[:22] + struct.pack("<I", _crc(page, 32, 0x04C11DB7)) + page[26:]


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    table = _crc_table(bits, polynomial)
    value, mask = 0, (1 << bits) - 1
    for byte in data:
        value = (value << 8 & mask) ^ table[(value >> (bits - 8)) ^ byte]
    return value


@cache
def _crc_table(bits: int, polynomial: int) -> Sequence[int]:
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) & 1 else 0)
        table.append(value & ((1 << bits) - 1))
    return table


def wav_of_silence(seconds: int, channels: int, sample_rate: int) -> bytes:
    """A WAV file of 8-bit samples. It is no smaller than its sound, but the sound has four times as many bytes."""
    empty = wav_bytes(silence(0, sample_rate, channels), sample_rate, "PCM_U8", data_size=0xFFFFFFFF)
    return empty + b"\x80" * (seconds * sample_rate * channels)
