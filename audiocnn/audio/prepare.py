"""The one path from encoded audio to model input, shared by training, evaluation, the batch CLI and HTTP.

    bytes or path -> decode -> downmix -> resample -> [ mono at the model's rate ] -> framing -> level -> windows
                     `------------ mono_blocks -------------'                        `------ windows ------'

`prepare` joins the two. Training caches what `mono_blocks` gives and cuts its random crops from there; its validation
goes through `windows`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audiocnn.audio.decode import checked_blocks
from audiocnn.audio.framing import frame_blocks
from audiocnn.audio.normalise import downmix, level_db, normalise_level
from audiocnn.audio.reader import AudioReader, DecodeLimits
from audiocnn.audio.resample import resample_blocks
from audiocnn.errors import EmptyAudioError
from audiocnn.spec import AudioSpec
from audiocnn.waveform import Samples, Segment


@dataclass(frozen=True, slots=True)
class Window:
    """One model input: `samples` `(1, window)`, level-normalised; the `segment` of real sound it covers; and whether
    that sound was silent before its level was raised."""

    samples: Samples
    segment: Segment
    silent: bool


def mono_blocks(reader: AudioReader, sample_rate: int, limits: DecodeLimits | None = None) -> Iterator[Samples]:
    """The sound as mono blocks `(1, n)` at `sample_rate` Hz. Raises what `checked_blocks` raises."""
    mono = (downmix(block) for block in checked_blocks(reader, limits))
    return resample_blocks(mono, reader.sample_rate, sample_rate)


def windows(blocks: Iterable[Samples], spec: AudioSpec) -> Iterator[Window]:
    """The model inputs cut from mono blocks `(1, n)` at the model's rate, one at a time."""
    for samples, segment in frame_blocks(blocks, spec):
        sound = samples[:, : segment.num_samples]  # without padding
        silent = level_db(sound - sound.mean()) < spec.silence_db  # a constant offset cannot be heard
        yield Window(normalise_level(samples, spec.normalisation), segment, silent)


def prepare(reader: AudioReader, spec: AudioSpec, limits: DecodeLimits | None = None) -> Iterator[Window]:
    """The windows a model with `spec` is fed, one at a time, in constant memory.

    Raises what `checked_blocks` raises, and `EmptyAudioError` for a sound too short to survive resampling (1 sample
    at 48 kHz is none at 16 kHz).
    """
    empty = True
    for window in windows(mono_blocks(reader, spec.sample_rate, limits), spec):
        empty = False
        yield window
    if empty:
        raise EmptyAudioError(
            f"the audio is shorter than one sample at the model's {spec.sample_rate} Hz; send a longer piece"
        )
