"""Sound decoded in a child process: `ChildReader` here, `decode_sound` there."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from typing import Any, BinaryIO

from audiocnn.audio.reader import BLOCK, AudioReader
from audiocnn.audio.sndfile import SndfileReader
from audiocnn.errors import UndecodableAudioError
from audiocnn.isolation.messages import Message
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.waveform import Samples


def decode_sound(file: BinaryIO, start: int, format: str, limits: dict[str, Any]) -> Iterator[Message]:
    """In the child: the header, the blocks and the warnings of the sound that starts at byte `start`."""
    file.seek(start)
    with closing(SndfileReader(file, format, DecodeLimits(**limits))) as reader:
        yield Message({"sample_rate": reader.sample_rate, "channels": reader.channels})
        for block in reader.blocks():
            yield Message(array=block)
        yield Message({"warnings": reader.warnings})


class ChildReader(AudioReader):
    """A `SndfileReader` in a child of `decoders`, from the file's present position on.

    Raises what that raises, and `UndecodableAudioError` where the child hangs, crashes or wants too much.
    """

    def __init__(self, decoders: DecoderPool, file: BinaryIO, format: str, limits: DecodeLimits) -> None:
        self._file = file
        self._messages = decoders.stream(
            decode_sound,
            file,
            file.tell(),
            format,
            asdict(limits),
            failure=UndecodableAudioError,
            largest=4 * BLOCK * limits.max_channels,
        )
        try:
            header = next(self._messages).fields
            super().__init__(format=format, sample_rate=header["sample_rate"], channels=header["channels"])
        except BaseException:
            self._messages.close()
            raise

    def blocks(self) -> Iterator[Samples]:
        for message in self._messages:
            if message.array is None:
                self.warnings += message.fields["warnings"]
            else:
                yield message.array

    def close(self) -> None:
        self._messages.close()
        self._file.close()
