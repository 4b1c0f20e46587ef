"""Hostile sound: headers with lies, samples that are no numbers, bombs, and other files in disguise."""

import gzip
import io
import pickle
import random
import struct
import zipfile
from collections.abc import Iterator
from functools import cache

import numpy as np

from tests.audio_files import chunk, encoded, format_body, silence, tone, wav_bytes
from tests.hostile.bombs import flac_bomb, ogg_bomb, wav_of_silence
from tests.hostile.files import ANSWER, REFUSED, HostileFile, named

BAD, EMPTY, FOREIGN, LARGE, WILD = (
    "undecodable_audio",
    "empty_audio",
    "unsupported_audio",
    "audio_too_large",
    "non_finite_audio",
)
SNDFILE_HANG = b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", struct.pack("<QQQI", 2**63, 96, 1, 0))
for _name, _size in ((b"INFO", 2**32 - 16), (b"FLLR", 2**32 - 1), (b"FLLR", 2**32 - 16), (b"exif", 40)):
    SNDFILE_HANG += _name + struct.pack("<I", _size)
SNDFILE_HANG = SNDFILE_HANG.ljust(96, b"\0")
"""96 bytes that libsndfile 1.2.2 opens for ever."""

_SOUND = tone(seconds=0.1)
_WAV = wav_bytes(_SOUND)
_RATES = (0, 1, 7, 3999, 384_001, 2**31 - 1)


@cache
def hostile_sounds() -> tuple[HostileFile, ...]:
    """Named files, one for each way that is known to break a decoder or a service."""
    return named({**_headers(), **_long_headers(), **_samples(), **_other_formats(), **_bombs(), **_disguises()})


@cache
def _whole() -> dict[str, bytes]:
    sound = tone(seconds=0.02, channels=2)
    files = {
        f"WAV {subtype}": wav_bytes(sound[:, :40], subtype=subtype, magic=magic, extensible=extensible)
        for subtype, magic, extensible in (
            ("PCM_16", b"RIFF", False),
            ("PCM_24", b"RIFF", True),
            ("FLOAT", b"RIFX", False),
            ("ULAW", b"RF64", False),
        )
    }
    return files | {format: encoded(sound, format=format) for format in ("FLAC", "MP3", "AIFF", "AU", "CAF", "OGG")}


def truncations(step: int = 1) -> Iterator[HostileFile]:
    """Small files of every format that is read, cut at every byte, or at every `step`th."""
    for name, whole in _whole().items():
        for length in range(0, len(whole), step):
            yield HostileFile(f"{name} cut to {length} bytes", whole[:length], REFUSED | {ANSWER})


def damaged(count: int, seed: int = 0) -> Iterator[HostileFile]:
    """`count` small files of every format in turn, with 1 to 8 bytes overwritten, most of them in the header."""
    dice = random.Random(seed)
    kinds = list(_whole().items())
    for number in range(count):
        name, whole = kinds[number % len(kinds)]
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            data[dice.randrange(min(len(data), dice.choice((64, 400, len(data)))))] = dice.randrange(256)
        yield HostileFile(f"{name} damaged, {seed}.{number}", bytes(data), REFUSED | {ANSWER})


def _headers() -> dict[str, tuple[bytes, str]]:
    def lie(**fields: int) -> bytes:
        return wav_bytes(_SOUND, format_chunk=format_body(**fields))

    return {
        "nothing": (b"", EMPTY),
        "one byte": (b"R", BAD),
        "only a RIFF header": (_WAV[:12], BAD),
        "cut inside fmt": (_WAV[:30], BAD),
        "no data chunk": (_WAV[:36], BAD),
        "no samples": (wav_bytes(_SOUND[:, :0]), EMPTY),
        "half a sample": (wav_bytes(_SOUND[:, :0]) + b"\x01", EMPTY),
        "data before fmt": (_WAV[:12] + _WAV[36:], BAD),
        "fmt twice, the second a lie": (_WAV[:36] + chunk(b"fmt ", format_body(channels=0)) + _WAV[36:], BAD),
        "header promises 4 GB": (wav_bytes(_SOUND, data_size=0xFFFFFFFE), ANSWER),
        "unknown data size": (wav_bytes(_SOUND, data_size=0xFFFFFFFF), ANSWER),
        "a chunk of 4 GB before the data": (_WAV[:12] + b"junk" + struct.pack("<I", 0xFFFFFFFF) + _WAV[12:], BAD),
        "ten thousand empty chunks": (_WAV[:12] + chunk(b"junk", b"") * 10_001 + _WAV[12:], BAD),
        "a million empty chunks": (_WAV[:12] + chunk(b"junk", b"") * 1_000_000 + _WAV[12:], BAD),
        "no channels": (lie(channels=0), BAD),
        "33 channels": (wav_bytes(np.tile(_SOUND, (33, 1))), BAD),
        "65535 channels": (lie(channels=65535, block_align=0), BAD),
        "65535 channels that fit": (lie(channels=65535, block_align=65535), BAD),
        **{f"sample rate {rate}": (lie(sample_rate=rate), BAD) for rate in _RATES},
        "sample rate 2^32 - 1": (lie(sample_rate=0xFFFFFFFF), BAD),
        "a prime sample rate": (lie(sample_rate=37_511), ANSWER),
        "0 bits": (lie(bits=0), BAD),
        "65535 bits": (lie(bits=65535), BAD),
        "block align 0": (lie(block_align=0), BAD),
        "block align 65535": (lie(block_align=65535), BAD),
        "ADPCM": (lie(tag=2), FOREIGN),
        "IMA ADPCM with a block of 65535": (lie(tag=0x11, block_align=65535), FOREIGN),
        "MP3 in WAV": (lie(tag=0x55), FOREIGN),
        "an unknown sub-format": (
            wav_bytes(_SOUND, format_chunk=format_body(extensible=True, guid_tail=bytes(14))),
            FOREIGN,
        ),
    }


def _long_headers() -> dict[str, tuple[bytes, str]]:
    def rf64(*sizes: int, entries: int = 0) -> bytes:
        body = wav_bytes(_SOUND, data_size=0xFFFFFFFF)[12:]
        return _WAV[:12].replace(b"RIFF", b"RF64") + chunk(b"ds64", struct.pack("<QQQI", *sizes, entries)) + body

    return {
        "RF64 promises 2^63 bytes": (rf64(2**63, 2**63, 2**63), ANSWER),
        "RF64 promises 2^64 - 1 bytes": (rf64(2**64 - 1, 2**64 - 1, 2**64 - 1), ANSWER),
        "RF64 with a table of 2^32 entries": (rf64(0, 0, 0, entries=0xFFFFFFFF), ANSWER),
        "RF64 that libsndfile opens for ever": (SNDFILE_HANG, BAD),
        "the same behind an ID3 tag": (b"ID3\4\0\0\0\0\0\0" + SNDFILE_HANG, BAD),
        "the same without its padding": (SNDFILE_HANG.rstrip(b"\0"), BAD),
    }


def _samples() -> dict[str, tuple[bytes, str]]:
    one_nan = np.tile(tone(), (2, 1))
    one_nan[1, 9_000] = np.nan
    values = {"NaN": np.nan, "infinite": np.inf, "minus infinite": -np.inf, "1e300": 1e300, "1e7": 1e7}
    return {
        **{name: (wav_bytes(np.full((1, 1000), value), subtype="DOUBLE"), WILD) for name, value in values.items()},
        "one NaN among many samples": (wav_bytes(one_nan, subtype="FLOAT"), WILD),
        "NaN in AU": (b".snd" + struct.pack(">IIIII", 24, 4000, 6, 16_000, 1) + b"\x7f\xc0\0\0" * 1000, WILD),
        "NaN in AIFF": (_aiff(kind=b"fl32", bits=32, sound=b"\x7f\xc0\0\0" * 1000), WILD),
        "denormal": (wav_bytes(np.full((1, 1000), 1e-42), subtype="FLOAT"), ANSWER),
        "a constant": (wav_bytes(np.full((1, 20_000), 0.999)), ANSWER),
        "silence": (wav_bytes(silence()), ANSWER),
        "one sample": (wav_bytes(_SOUND[:, :1], 4000), ANSWER),
        "one sample at 384 kHz": (wav_bytes(_SOUND[:, :1], 384_000), f"{EMPTY}|{ANSWER}"),
    }


def _aiff(
    *,
    channels: int = 1,
    rate: bytes = b"\x40\x0c\xfa" + bytes(7),
    bits: int = 16,
    kind: bytes = b"",
    sound: bytes = b"",
) -> bytes:
    """rate: an 80-bit float, 16 kHz by default. kind: the compression, which makes the file AIFF-C."""
    sound = sound or bytes(3200)
    common = struct.pack(">HIH", channels, 0xFFFFFFFF, bits) + rate + (kind + b"\0\0" if kind else b"")
    body = (b"AIFC" if kind else b"AIFF") + chunk(b"COMM", common, ">") + chunk(b"SSND", bytes(8) + sound, ">")
    return b"FORM" + struct.pack(">I", len(body)) + body


def _caf(rate: float = 16_000, channels: int = 1, size: int = 3204) -> bytes:
    description = struct.pack(">d4sIIIII", rate, b"lpcm", 0, 2 * channels & 0xFFFFFFFF, 1, channels, 16)
    return (
        b"caff\0\1\0\0desc" + struct.pack(">q", 32) + description + b"data" + struct.pack(">qI", size, 0) + bytes(3200)
    )


def _other_formats() -> dict[str, tuple[bytes, str]]:
    flac, ogg, mp3 = (encoded(_SOUND, format=format) for format in ("FLAC", "OGG", "MP3"))

    def au(rate: int = 16_000, channels: int = 1, size: int = 3200, kind: int = 3) -> bytes:
        return b".snd" + struct.pack(">IIIII", 24, size, kind, rate, channels) + bytes(3200)

    def flac_with(rate: int, samples: int) -> bytes:
        return flac[:18] + struct.pack(">Q", rate << 44 | 15 << 36 | samples) + flac[26:]

    either = f"{BAD}|{ANSWER}"
    return {
        "FLAC cut short": (flac[:200], either),
        "FLAC of unknown length": (flac_with(16_000, 0), ANSWER),
        "FLAC promises 2^36 - 1 samples": (flac_with(16_000, 2**36 - 1), ANSWER),
        "FLAC at 655350 Hz": (flac_with(655_350, 1600), BAD),
        "FLAC at 0 Hz": (flac_with(0, 1600), BAD),
        "FLAC with a picture of 16 MB that is not there": (flac[:42] + b"\x06\xff\xff\xff" + flac[46:], BAD),
        "Ogg cut short": (ogg[:200], BAD),
        "Ogg that promises 2^62 samples": (
            ogg[:-20].replace(b"OggS\0\4" + bytes(8), b"OggS\0\4" + b"\x3f" * 8),
            f"{either}|{EMPTY}",
        ),
        "twenty Ogg files in a row": (ogg * 20, either),
        "Ogg with a page of nothing": (ogg + b"OggS\0\0" + bytes(20), either),
        "MP3 cut short": (mp3[:60], either),
        "MP3 sync and nothing else": (b"\xff\xfb\x90\x00" * 1000, either),
        "MP3 of free bit rate": (b"\xff\xfb\x00\x00" + bytes(5000), either),
        "MP3 between garbage": (mp3 + random.Random(0).randbytes(5000) + mp3, either),
        "AIFF cut short": (encoded(_SOUND, format="AIFF")[:40], f"{BAD}|{EMPTY}"),
        "AIFF promises 2^32 - 1 samples": (_aiff(), ANSWER),
        "AIFF with 65535 channels": (_aiff(channels=65535), BAD),
        "AIFF with no channels": (_aiff(channels=0), BAD),
        "AIFF at infinite Hz": (_aiff(rate=b"\x7f\xff\x80" + bytes(7)), BAD),
        "AIFF at 1 Hz": (_aiff(rate=b"\x3f\xff\x80" + bytes(7)), BAD),
        "AIFF of an unknown compression": (_aiff(kind=b"zzzz"), BAD),
        "AU at 1 Hz": (au(rate=1), BAD),
        "AU at 2^31 - 1 Hz": (au(rate=2**31 - 1), BAD),
        "AU with 65535 channels": (au(channels=65535), BAD),
        "AU promises 4 GB": (au(size=0xFFFFFFF0), f"{either}|{EMPTY}"),
        "AU of an unknown encoding": (au(kind=99), BAD),
        "CAF at NaN Hz": (_caf(rate=float("nan")), BAD),
        "CAF at 1e300 Hz": (_caf(rate=1e300), BAD),
        "CAF at 1 Hz": (_caf(rate=1), BAD),
        "CAF with 65535 channels": (_caf(channels=65535), BAD),
        "CAF promises 2^63 - 1 bytes": (_caf(size=2**63 - 1), either),
        "CAF with a chunk of -2^63 bytes": (_caf(size=-(2**63)), f"{BAD}|{EMPTY}|{ANSWER}"),
        "ID3 tag and nothing else": (b"ID3\4\0\0\0\0\0\0", EMPTY),
        "ID3 tag of 256 MB": (b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(500), EMPTY),
        "ten thousand ID3 tags": (b"ID3\4\0\0\0\0\0\0" * 10_000 + _WAV, BAD),
    }


def _bombs() -> dict[str, tuple[bytes, str]]:
    return {
        "FLAC of 11 hours in 34 kB": (flac_bomb(40_000 * 4000, channels=1, sample_rate=4000), LARGE),
        "FLAC of 5 minutes on 8 channels in 8 kB": (flac_bomb(300 * 48_000), LARGE),
        "Ogg of an hour in 250 kB": (ogg_bomb(3600), LARGE),
        "WAV of 11 minutes": (wav_of_silence(660, 1, 4000), LARGE),
        "WAV of 3 minutes on 32 channels": (wav_of_silence(180, 32, 4000), ANSWER),
    }


class _Burglar:
    """Its pickle, if anybody loads it, ends the process."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        import os

        return os._exit, (66,)


def _disguises() -> dict[str, tuple[bytes, str]]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("../../song.wav", bytes(1_000_000))
    riff = b"RIFF" + struct.pack("<I", 1000) + b"WAVE"
    return {
        "text": (b"this is not audio at all, whatever its name says", BAD),
        "zeros": (bytes(1000), BAD),
        "random bytes": (random.Random(1).randbytes(3000), BAD),
        "HTML": (b"<!doctype html><html><body><script>alert(1)</script></body></html>", BAD),
        "JSON": (b'{"audio": NaN, "sample_rate": 1e999}', BAD),
        "SVG with an external entity": (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
            BAD,
        ),
        "a playlist": (b"#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1:1/\n", BAD),
        "a shell script": (b"#!/bin/sh\nexit 1\n", BAD),
        "a program": (b"\x7fELF\2\1\1" + bytes(100), BAD),
        "a pickle": (pickle.dumps(_Burglar()), BAD),
        "a zip archive": (archive.getvalue(), BAD),
        "a gzip bomb": (gzip.compress(bytes(10_000_000)), BAD),
        "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(100), BAD),
        "a PDF": (b"%PDF-1.7\n" + bytes(100), BAD),
        "MP4": (b"\0\0\0\x20ftypM4A " + bytes(100), FOREIGN),
        "WebM": (b"\x1aE\xdf\xa3" + bytes(100), FOREIGN),
        "WMA": (b"0&\xb2u" + bytes(100), FOREIGN),
        "Wave64": (b"riff.\x91\xcf\x11" + bytes(100), FOREIGN),
        "HTML in a RIFF header": (riff + b"<html></html>" * 50, BAD),
        "a pickle in a RIFF header": (riff + pickle.dumps(_Burglar()), BAD),
        "a pickle as samples": (wav_bytes(_SOUND[:, :2]) + pickle.dumps(_Burglar()), ANSWER),
        "a zip archive behind samples": (_WAV + archive.getvalue(), ANSWER),
        "AVI": (b"RIFF\0\0\0\0AVI " + bytes(100), BAD),
    }
