"""The one door from a file to model input, whatever the medium: `open_media` looks at what the model eats."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from audiocnn.limits import DecodeLimits
from audiocnn.prepared import Prepared
from audiocnn.source import Source
from audiocnn.spec import AudioSpec, ImageSpec, InputSpec, VideoSpec

Opener = Callable[[Source, DecodeLimits | None], AbstractContextManager[Prepared]]


def open_media(source: Source, spec: InputSpec, limits: DecodeLimits | None = None) -> AbstractContextManager[Prepared]:
    """A file opened for a model with `spec`.

    source: encoded bytes, or the path of a file. limits: what to refuse.
    Raises a `MediaError` that says what is wrong with the file, and what `opener` raises.
    """
    return opener(spec)(source, limits)


def opener(spec: InputSpec) -> Opener:
    """What opens files for models with `spec`: `open_media` without the file.

    Raises `MissingExtraError` if the medium needs packages that are not installed.
    """
    # Each medium is imported when a model first asks for it: sound needs neither Pillow nor FFmpeg.
    if isinstance(spec, AudioSpec):
        from audiocnn.audio.prepare import open_prepared

        return lambda source, limits: open_prepared(source, spec, limits)
    if isinstance(spec, ImageSpec):
        from audiocnn.visual.image import open_image

        return lambda source, limits: open_image(source, spec, limits)
    if isinstance(spec, VideoSpec):
        from audiocnn.visual.video import open_video

        return lambda source, limits: open_video(source, spec, limits)
    from audiocnn.visual.volume import open_volume

    return lambda source, limits: open_volume(source, spec, limits)
