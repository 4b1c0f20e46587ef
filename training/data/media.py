"""The `Medium` that a configuration asks for."""

from typing import cast

from audiocnn.spec import AudioSpec, ImageSpec, VideoSpec
from training.config import AugmentConfig, Config, VisualAugmentConfig
from training.data.medium import Medium
from training.data.sound import Sound


def medium_of(config: Config) -> Medium:
    """Sound, images, videos or volumes. Raises `MissingExtraError` if the packages for it are not installed."""
    spec = config.input
    if isinstance(spec, AudioSpec):
        return Sound(spec, cast(AugmentConfig, config.augment))
    from training.data.visual import Images, Videos, Volumes  # Pillow and FFmpeg, which sound does not need

    changes = cast(VisualAugmentConfig, config.augment)
    if isinstance(spec, ImageSpec):
        return Images(spec, changes)
    return Videos(spec, changes) if isinstance(spec, VideoSpec) else Volumes(spec, changes)
