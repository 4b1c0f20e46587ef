"""A bounded WAV parser: RIFF, RIFX, RF64 and BW64 with PCM, float, mu-law or A-law samples.

Own code because libsndfile 1.2.2 can hang for ever on a crafted RF64 header, and a thread that hangs in C cannot be
stopped. This parser reads each header byte at most once, allocates no more than one block, and believes no length
that the file does not back with bytes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from audiocnn.audio.reader import BLOCK, AudioReader
from audiocnn.errors import EmptyAudioError, UndecodableAudioError, UnsupportedAudioError
from audiocnn.limits import DecodeLimits
from audiocnn.waveform import Samples

MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # what follows the format code in a standard sub-format
_UNKNOWN_SIZE = 0xFFFFFFFF  # written by encoders that stream to a pipe; also marks "see ds64" in RF64
_MAX_CHUNKS = 10_000


def _mu_law_table() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32768).astype(np.float32)


def _a_law_table() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (code & 0x70) >> 4
    mantissa = (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, magnitude, -magnitude) / 32768).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Format:
    tag: int
    channels: int
    sample_rate: int
    sample_bytes: int


class WavReader(AudioReader):
    """Reads a WAV file from a seekable binary file.

    Raises `UndecodableAudioError` for a broken header, `UnsupportedAudioError` for another codec (ADPCM, MP3 in WAV),
    `EmptyAudioError` if there are no samples. A data chunk cut short is read as far as it goes, with a warning.
    """

    def __init__(self, file: BinaryIO, limits: DecodeLimits) -> None:
        self._file = file
        self._endian = ">" if file.read(4) == b"RIFX" else "<"
        wav_format, self._data_bytes = self._parse_header()
        super().__init__(format="wav", sample_rate=wav_format.sample_rate, channels=wav_format.channels)
        limits.check_header(self.sample_rate, self.channels)
        self._tag = wav_format.tag
        self._sample_bytes = wav_format.sample_bytes
        frame = self.channels * self._sample_bytes
        if self._data_bytes is not None and self._data_bytes < frame:
            raise EmptyAudioError("the WAV file has a header and no samples; record or export it again")

    def blocks(self) -> Iterator[Samples]:
        frame = self.channels * self._sample_bytes
        left = self._data_bytes
        frames_read = 0
        while left is None or left >= frame:
            wanted = BLOCK * frame if left is None else min(BLOCK * frame, left)
            data = self._file.read(wanted)
            usable = len(data) - len(data) % frame
            if usable:
                frames_read += usable // frame
                yield self._samples(data[:usable]).reshape(-1, self.channels).T
            if left is not None:
                left -= usable
            if len(data) < wanted:
                break
        if left is not None and left >= frame:
            promised = (frames_read * frame + left) / frame / self.sample_rate
            self.warnings.append(
                f"the file is cut short: its header promises {promised:.3f} s, "
                f"it holds {frames_read / self.sample_rate:.3f} s"
            )

    def close(self) -> None:
        self._file.close()

    def _parse_header(self) -> tuple[_Format, int | None]:
        """The format, and the bytes of the data chunk (None: until the end), with the file at its first sample."""
        head = self._file.read(8)
        if len(head) < 8 or head[4:] != b"WAVE":
            raise UndecodableAudioError("expected 'WAVE' after the RIFF header; the file is damaged or another format")
        riff_bytes = struct.unpack(self._endian + "I", head[:4])[0]
        wav_format: _Format | None = None
        long_data_bytes: int | None = None
        for _ in range(_MAX_CHUNKS):
            header = self._file.read(8)
            if len(header) < 8:
                break
            name, size = header[:4], struct.unpack(self._endian + "I", header[4:])[0]
            if name == b"data":
                if wav_format is None:
                    raise UndecodableAudioError("the WAV file has no 'fmt ' chunk before its samples; export it again")
                if size == _UNKNOWN_SIZE:
                    return wav_format, long_data_bytes or None
                if size == 0 and riff_bytes + 8 <= self._file.tell():
                    return wav_format, None  # a recorder that died before it could write the sizes
                return wav_format, size
            body_at = self._file.tell()
            if name == b"fmt ":
                wav_format = self._parse_format(self._file.read(min(size, 40)))
            elif name == b"ds64":
                body = self._file.read(min(size, 24))
                if len(body) >= 16:
                    long_data_bytes = struct.unpack("<Q", body[8:16])[0]
            self._file.seek(body_at + size + size % 2)  # chunks are padded to even lengths
        raise UndecodableAudioError("the WAV file has no 'data' chunk; it is cut short or damaged")

    def _parse_format(self, body: bytes) -> _Format:
        if len(body) < 16:
            raise UndecodableAudioError(f"the 'fmt ' chunk must have at least 16 bytes, got {len(body)}")
        tag, channels, sample_rate, _, block_align, bits = struct.unpack(self._endian + "HHIIHH", body[:16])
        if tag == EXTENSIBLE:
            if len(body) < 40 or body[26:40] != _GUID_TAIL:
                raise UnsupportedAudioError("the WAV file has an unknown sub-format; convert it to PCM")
            tag = struct.unpack(self._endian + "H", body[24:26])[0]
        legal = {PCM: (8, 16, 24, 32), FLOAT: (32, 64), A_LAW: (8,), MU_LAW: (8,)}
        if tag not in legal:
            raise UnsupportedAudioError(
                f"WAV codec 0x{tag:04x} is not supported; convert the file to PCM, float, mu-law or A-law"
            )
        # The container of a sample is block_align / channels bytes; `bits` may be fewer (20 bits in 3 bytes), with
        # the sample in the upper bits.
        container = 8 * block_align // channels if channels and block_align % channels == 0 else bits
        if container not in legal[tag] or not 0 < bits <= container:
            raise UndecodableAudioError(
                f"a WAV sample of {bits} bits in {container} is not legal for codec 0x{tag:04x}; "
                f"legal sizes are {', '.join(map(str, legal[tag]))} bits"
            )
        return _Format(tag, channels, sample_rate, container // 8)

    def _samples(self, data: bytes) -> Samples:
        """The interleaved samples of `data` as float32 with full scale at -1 and 1."""
        if self._tag == MU_LAW:
            return _mu_law_table()[np.frombuffer(data, np.uint8)]
        if self._tag == A_LAW:
            return _a_law_table()[np.frombuffer(data, np.uint8)]
        if self._tag == FLOAT:
            with np.errstate(over="ignore", invalid="ignore"):  # what becomes inf or NaN here, the caller refuses
                return np.frombuffer(data, f"{self._endian}f{self._sample_bytes}").astype(np.float32)
        if self._sample_bytes == 1:
            return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
        if self._sample_bytes == 3:
            return self._int24(data).astype(np.float32) / np.float32(2**31)
        integers = np.frombuffer(data, f"{self._endian}i{self._sample_bytes}")
        samples: Samples = integers.astype(np.float32) / np.float32(2 ** (8 * self._sample_bytes - 1))
        return samples

    def _int24(self, data: bytes) -> NDArray[np.int32]:
        """24-bit samples in the upper bytes of 32-bit ones."""
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        triples = np.frombuffer(data, np.uint8).reshape(-1, 3)
        padded[:, 1:] = triples if self._endian == "<" else triples[:, ::-1]
        return padded.view("<i4")[:, 0]
