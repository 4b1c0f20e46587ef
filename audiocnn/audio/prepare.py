"""The one path from encoded audio to model input, shared by training, evaluation, the batch CLI and HTTP.

    bytes or path -> decode -> downmix -> resample -> [ mono at the model's rate ] -> framing -> level -> windows
                     `------------ mono_blocks -------------'                        `------ windows ------'

`open_prepared` joins the two. Training caches what `mono_samples`, the blocks of `mono_blocks` in one, gives and cuts
its random crops from there; its validation goes through `windows`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from audiocnn.audio.decode import checked_blocks, open_audio
from audiocnn.audio.normalise import downmix, level_db, normalise_level
from audiocnn.audio.reader import AudioReader
from audiocnn.audio.resample import resample_blocks
from audiocnn.errors import EmptyAudioError
from audiocnn.framing import frame_blocks
from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.prediction import AudioInfo
from audiocnn.prepared import Window
from audiocnn.source import Source
from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples


def mono_blocks(reader: AudioReader, sample_rate: int, limits: DecodeLimits | None = None) -> Iterator[Samples]:
    """The sound as mono blocks `(1, n)` at `sample_rate` Hz. Raises what `checked_blocks` raises."""
    mono = (downmix(block) for block in checked_blocks(reader, limits))
    return resample_blocks(mono, reader.sample_rate, sample_rate)


def mono_samples(reader: AudioReader, sample_rate: int, limits: DecodeLimits | None = None) -> Samples:
    """The whole sound `(n,)`, mono at `sample_rate` Hz, never empty.

    Raises what `checked_blocks` raises, and `EmptyAudioError` for a sound too short to survive resampling (1 sample at
    48 kHz is none at 16 kHz).
    """
    blocks = list(mono_blocks(reader, sample_rate, limits))
    if not blocks:
        raise _too_short(sample_rate)
    samples: Samples = np.concatenate(blocks, axis=1)[0]
    return samples


def windows(blocks: Iterable[Samples], spec: AudioSpec) -> Iterator[Window]:
    """The model inputs cut from mono blocks `(1, n)` at the model's rate, one at a time."""
    framed = frame_blocks(blocks, window=spec.window, hop=spec.hop, tail=spec.tail, rate=spec.sample_rate)
    for samples, segment in framed:
        sound = samples[:, : segment.num_samples]  # without padding
        level = level_db(sound - sound.mean())  # a constant offset cannot be heard
        yield Window(normalise_level(samples, spec.normalisation), segment, level < spec.silence_db, level)


class PreparedAudio:
    """A sound opened for a model with `spec`; see `Prepared`."""

    def __init__(self, reader: AudioReader, spec: AudioSpec, limits: DecodeLimits | None) -> None:
        self._reader = reader
        self._spec = spec
        self._limits = limits

    @property
    def info(self) -> AudioInfo:
        reader = self._reader
        return AudioInfo(reader.num_samples / reader.sample_rate, reader.sample_rate, reader.channels, reader.format)

    @property
    def warnings(self) -> list[str]:
        return self._reader.warnings

    def windows(self) -> Iterator[Window]:
        """The model inputs, one at a time, in constant memory.

        Raises what `mono_samples` raises.
        """
        count = heard = 0
        for window in windows(mono_blocks(self._reader, self._spec.sample_rate, self._limits), self._spec):
            count += 1
            heard += not window.silent
            yield window
        if not count:
            raise _too_short(self._spec.sample_rate)
        window_s = self._spec.window / self._spec.sample_rate
        if not heard:
            self.warnings.append(
                f"no sound above {self._spec.silence_db:g} dB after mixing to mono: silence has no label"
            )
        elif 4 * self.info.duration_s < window_s:
            self.warnings.append(
                f"{self.info.duration_s:.3f} s of sound is little for a model that hears {window_s:g} s at a time: "
                "do not rely on this answer"
            )


@contextmanager
def open_prepared(
    source: Source, spec: AudioSpec, limits: DecodeLimits | None = None, decoders: DecoderPool | None = None
) -> Iterator[PreparedAudio]:
    """Encoded audio as the windows a model with `spec` is fed. Arguments and errors are those of `open_audio`."""
    with open_audio(source, limits, decoders) as reader:
        yield PreparedAudio(reader, spec, limits)


def _too_short(sample_rate: int) -> EmptyAudioError:
    return EmptyAudioError(f"the audio is shorter than one sample at the model's {sample_rate} Hz; send a longer piece")
