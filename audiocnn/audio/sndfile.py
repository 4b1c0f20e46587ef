"""Everything libsndfile reads besides WAV: FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU and CAF."""

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiocnn.audio.reader import BLOCK, AudioReader
from audiocnn.errors import UndecodableAudioError, UnreadableFileError
from audiocnn.limits import DecodeLimits
from audiocnn.waveform import Samples


def sniff(head: bytes) -> str | None:
    """The format that the first bytes announce, or None if libsndfile should not even be asked."""
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for magic, name in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b".snd", "au"), (b"caff", "caf")):
        if head.startswith(magic):
            return name
    # An MP3 starts with a frame header: 11 bits of sync, then neither a reserved version nor layer.
    if len(head) >= 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06:
        return "mp3"
    return None


class _FromHere:
    """A file from its present position on, as libsndfile asks for files.

    It must not see an ID3 tag before that position: it would skip the tag and open whatever follows with any of its
    parsers. A seek to before the start, which damaged files cause, goes nowhere, as in C.
    error: why the file could not be read; no exception passes through C, and for libsndfile it just ends there.
    """

    error: UnreadableFileError | None = None

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._start = file.tell()
        self._end = file.seek(0, io.SEEK_END)
        file.seek(self._start)

    def readinto(self, buffer: memoryview) -> int:
        try:
            return self._file.readinto(buffer)  # type: ignore[attr-defined, no-any-return]  # absent from BinaryIO only
        except UnreadableFileError as error:
            self.error = error
            return 0

    def tell(self) -> int:
        return self._file.tell() - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        target = offset + {io.SEEK_SET: self._start, io.SEEK_CUR: self._file.tell(), io.SEEK_END: self._end}[whence]
        if target >= self._start:
            self._file.seek(min(target, self._end))
        return self.tell()


class _Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A sound that is read once, from start to end.

    soundfile seeks after each read of a seekable file, which FLAC from a pipe, of unknown length, cannot do.
    """

    def seekable(self) -> bool:
        return False


class SndfileReader(AudioReader):
    """Reads through libsndfile, from the file's present position on.

    Raises `UndecodableAudioError` with our words: libsndfile's own mislead. A file that is damaged or cut short later
    than its first block is read as far as it goes, with a warning where libsndfile notices (in FLAC it does).
    """

    def __init__(self, file: BinaryIO, format: str, limits: DecodeLimits) -> None:
        self._file = file
        self._bytes = _FromHere(file)
        try:
            self._sound = _Stream(self._bytes)
        except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
            raise self._bytes.error or self._undecodable(format) from error
        super().__init__(format=format, sample_rate=self._sound.samplerate, channels=self._sound.channels)
        try:
            limits.check_header(self.sample_rate, self.channels)
        except UndecodableAudioError:
            self._sound.close()
            raise

    def blocks(self) -> Iterator[Samples]:
        # read(n) until it returns nothing: the header's frame count can be a lie, and SoundFile.blocks() believes it.
        frames_read = 0
        while True:
            try:
                block = self._read()
            except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
                if not frames_read:
                    raise self._undecodable(self.format) from error
                self.warnings.append(
                    f"the file is damaged behind {frames_read / self.sample_rate:.3f} s; the rest is lost"
                )
                return
            if not len(block):
                return
            frames_read += len(block)
            yield block.T

    def _read(self) -> NDArray[np.float32]:
        try:
            block: NDArray[np.float32] = self._sound.read(BLOCK, dtype="float32", always_2d=True)
            return block
        finally:
            if self._bytes.error:
                raise self._bytes.error

    def close(self) -> None:
        self._sound.close()
        self._file.close()

    @staticmethod
    def _undecodable(format: str) -> UndecodableAudioError:
        return UndecodableAudioError(
            f"the file starts like {format} and cannot be decoded; it is damaged or cut short: export it again"
        )
