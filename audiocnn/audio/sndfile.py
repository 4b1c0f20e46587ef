"""Everything libsndfile reads besides WAV: FLAC, Ogg (Vorbis, Opus), MP3, AIFF, AU and CAF."""

from collections.abc import Iterator
from typing import BinaryIO

import soundfile

from audiocnn.audio.reader import BLOCK, AudioReader, DecodeLimits
from audiocnn.errors import UndecodableAudioError
from audiocnn.waveform import Samples


def sniff(head: bytes) -> str | None:
    """The format that the first bytes announce, or None if libsndfile should not even be asked."""
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    for magic, name in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b".snd", "au"), (b"caff", "caf"), (b"ID3", "mp3")):
        if head.startswith(magic):
            return name
    # An MP3 without tag starts with a frame header: 11 bits of sync, then neither a reserved version nor layer.
    if len(head) >= 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06:
        return "mp3"
    return None


class SndfileReader(AudioReader):
    """Reads through libsndfile. Raises `UndecodableAudioError` with our words: libsndfile's own mislead."""

    def __init__(self, file: BinaryIO, format: str, limits: DecodeLimits) -> None:
        self._file = file
        try:
            self._sound = soundfile.SoundFile(file)
        except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
            raise self._undecodable(format) from error
        super().__init__(format=format, sample_rate=self._sound.samplerate, channels=self._sound.channels)
        limits.check_header(self.sample_rate, self.channels)

    def blocks(self) -> Iterator[Samples]:
        # read(n) until it returns nothing: the header's frame count can be a lie, and SoundFile.blocks() believes it.
        while True:
            try:
                block = self._sound.read(BLOCK, dtype="float32", always_2d=True)
            except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
                raise self._undecodable(self.format) from error
            if not len(block):
                return
            yield block.T

    def close(self) -> None:
        self._sound.close()
        self._file.close()

    @staticmethod
    def _undecodable(format: str) -> UndecodableAudioError:
        return UndecodableAudioError(
            f"the file starts like {format} and cannot be decoded; it is damaged or cut short: export it again"
        )
