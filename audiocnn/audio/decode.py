"""The one door for encoded audio: `open_audio` for a stream of blocks, `decode` for a whole `Waveform`.

The format is told from the first bytes, never from the file's name: WAV goes to our own bounded parser, the other
known formats to libsndfile, in a child process if there is a pool of them, and everything else is refused before any
codec sees it.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import BinaryIO

import numpy as np

from audiocnn.audio import wav
from audiocnn.audio.isolated import ChildReader
from audiocnn.audio.reader import AudioReader
from audiocnn.audio.sndfile import SndfileReader, sniff
from audiocnn.errors import (
    AudioError,
    EmptyAudioError,
    NonFiniteAudioError,
    UndecodableAudioError,
    UnsupportedAudioError,
)
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.source import Source, open_source
from audiocnn.waveform import Samples, Waveform

MAX_AMPLITUDE = 1e6
"""Full scale is 1; float files may exceed it, but 120 dB above it is damage, and squares of more overflow."""

_MAX_TAGS = 16


@contextmanager
def open_audio(
    source: Source, limits: DecodeLimits | None = None, decoders: DecoderPool | None = None
) -> Iterator[AudioReader]:
    """Open encoded audio and check its header against `limits`.

    decoders: where libsndfile runs; in this process by default.
    Raises `EmptyAudioError` for no bytes, `UnsupportedAudioError` for a codec or container not read here,
    `UndecodableAudioError` for a damaged header, and what `open_source` and `decoders` raise.
    """
    limits = limits or DecodeLimits()
    with open_source(source, limits) as file, closing(_reader(file, limits, decoders)) as reader:
        yield reader


def checked_blocks(reader: AudioReader, limits: DecodeLimits | None = None) -> Iterator[Samples]:
    """The reader's blocks `(channels, n)`, each checked.

    Raises `NonFiniteAudioError` for NaN, infinite or absurd amplitudes, `AudioTooLargeError` once `limits` are
    exceeded, `EmptyAudioError` if there is no block at all.
    """
    limits = limits or DecodeLimits()
    for block in reader.blocks():
        reader.num_samples += block.shape[1]
        limits.check_decoded(reader.num_samples, reader.sample_rate, reader.channels)
        if not (block.max() <= MAX_AMPLITUDE and block.min() >= -MAX_AMPLITUDE):  # NaN fails every comparison
            raise NonFiniteAudioError(
                "samples must be finite numbers near the range -1 to 1, this file has NaN, infinite or huge ones; "
                "export it again"
            )
        yield block
    if reader.num_samples == 0:
        raise EmptyAudioError("the audio has no samples; record or export it again")


def decode(source: Source, limits: DecodeLimits | None = None) -> Waveform:
    """All of `source` as one `Waveform` at its own sample rate. For long files prefer `audiocnn.audio.prepare`.

    Raises what `open_audio` and `checked_blocks` raise.
    """
    with open_audio(source, limits) as reader:
        blocks = list(checked_blocks(reader, limits))
        return Waveform(np.ascontiguousarray(np.concatenate(blocks, axis=1)), reader.sample_rate)


def _reader(file: BinaryIO, limits: DecodeLimits, decoders: DecoderPool | None) -> AudioReader:
    start = _after_id3_tags(file)
    file.seek(start)
    head = file.read(12)
    file.seek(start)
    if not head:
        came = "tags and no sound" if start else "no bytes"
        raise EmptyAudioError(f"expected an audio file, got {came}; check that the upload or the file is complete")
    if head[:4] in wav.MAGICS:
        return wav.WavReader(file, limits)
    format = sniff(head)
    if format is None:
        raise _refused(head)
    return ChildReader(decoders, file, format, limits) if decoders else SndfileReader(file, format, limits)


def _refused(head: bytes) -> AudioError:
    """The error for bytes that go to no codec: containers that we know and do not read are told apart from the rest."""
    for magic, at, name in (
        (b"ftyp", 4, "MP4"),
        (b"\x1aE\xdf\xa3", 0, "WebM or Matroska"),
        (b"0&\xb2u", 0, "WMA"),
        (b"riff", 0, "Wave64"),
    ):
        if head.startswith(magic, at):
            return UnsupportedAudioError(f"{name} files are not read; convert it to WAV, FLAC, Ogg or MP3")
    return UndecodableAudioError("the bytes are not audio of a known format; send WAV, FLAC, Ogg, MP3, AIFF, AU or CAF")


def _after_id3_tags(file: BinaryIO) -> int:
    """Where the sound starts: taggers put ID3v2 tags before MP3 and sometimes before FLAC and WAV."""
    start = 0
    for _ in range(_MAX_TAGS):
        file.seek(start)
        header = file.read(10)
        if len(header) < 10 or not header.startswith(b"ID3") or max(header[6:]) > 0x7F:
            break
        footer = 10 if header[5] & 0x10 else 0
        start += 10 + (header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]) + footer
    return start
