"""The one door from a file to model input, whatever the medium: `open_media` looks at what the model eats."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from audiocnn.isolation.pool import DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.prepared import Prepared
from audiocnn.source import Source
from audiocnn.spec import AudioSpec, ImageSpec, InputSpec, VideoSpec

Opener = Callable[[Source, DecodeLimits | None], AbstractContextManager[Prepared]]


def open_media(
    source: Source, spec: InputSpec, limits: DecodeLimits | None = None, decoders: DecoderPool | None = None
) -> AbstractContextManager[Prepared]:
    """A file opened for a model with `spec`.

    source: encoded bytes, or the path of a file. limits: what to refuse. decoders: see `opener`.
    Raises a `MediaError` that says what is wrong with the file, and what `opener` raises.
    """
    return opener(spec, decoders)(source, limits)


def opener(spec: InputSpec, decoders: DecoderPool | None = None) -> Opener:
    """What opens files for models with `spec`: `open_media` without the file.

    decoders: the child processes in which all but plain WAV is decoded, so that a file that hangs, crashes or eats
    memory costs a child and nothing else. In this process by default.
    Raises `MissingExtraError` if the medium needs packages that are not installed.
    """
    # Each medium is imported when a model first asks for it: sound needs neither Pillow nor FFmpeg.
    if isinstance(spec, AudioSpec):
        from audiocnn.audio.prepare import open_prepared

        return lambda source, limits: open_prepared(source, spec, limits, decoders)
    if isinstance(spec, ImageSpec):
        from audiocnn.visual.image import open_image

        return lambda source, limits: open_image(source, spec, limits, decoders)
    if isinstance(spec, VideoSpec):
        from audiocnn.visual.video import open_video

        return lambda source, limits: open_video(source, spec, limits, decoders)
    from audiocnn.visual.volume import open_volume

    return lambda source, limits: open_volume(source, spec, limits, decoders)
