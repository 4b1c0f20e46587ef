"""Every error the library raises on purpose.

Each message says what was expected, what came and what to do. `code` is stable: the HTTP service and the batch rows
show it, so programs can branch on it.
"""

from typing import ClassVar


class AudioCnnError(Exception):
    """Base of all errors raised by `audiocnn`."""

    code: ClassVar[str] = "error"


class ConfigError(AudioCnnError, ValueError):
    """An argument, a specification or a configuration file has an illegal value."""

    code = "invalid_configuration"


class WindowError(ConfigError):
    """The model takes no windows of that length or with that hop."""

    code = "invalid_window"


class CheckpointError(AudioCnnError):
    """A model directory is missing, incomplete, damaged or of another format."""

    code = "invalid_checkpoint"


class UnknownModelError(AudioCnnError, LookupError):
    """No architecture or bundled model has that name."""

    code = "unknown_model"


class MissingExtraError(AudioCnnError, ImportError):
    """The function needs packages of an extra that is not installed."""

    code = "missing_extra"


class DecoderPoolError(AudioCnnError):
    """The pool of decoder processes is closed, or no process can be started."""

    code = "no_decoder"


class JournalError(AudioCnnError):
    """The journal of a batch is in use, damaged, of another kind or cannot be written."""

    code = "journal"


class ClusterError(AudioCnnError):
    """There is no Ray cluster to work on."""

    code = "no_cluster"


class MediaError(AudioCnnError):
    """Base of errors caused by the file to classify itself."""

    code = "bad_media"


class UnreadableFileError(MediaError):
    """The path leads to no file, or to one that cannot be opened or read, as on a disk that fails."""

    code = "unreadable_file"


class FileTooLargeError(MediaError):
    """The file has more bytes than the limit."""

    code = "file_too_large"


class AudioError(MediaError):
    """Base of errors caused by audio."""

    code = "bad_audio"


class UndecodableAudioError(AudioError):
    """The bytes are not audio, or they are damaged."""

    code = "undecodable_audio"


class EmptyAudioError(AudioError):
    """There are no bytes, or no samples in them."""

    code = "empty_audio"


class UnsupportedAudioError(AudioError):
    """The bytes are audio in a codec or a container this library does not read."""

    code = "unsupported_audio"


class AudioTooLargeError(AudioError):
    """The audio exceeds a limit on seconds or decoded size."""

    code = "audio_too_large"


class NonFiniteAudioError(AudioError):
    """Samples are NaN, infinite or beyond any plausible amplitude."""

    code = "non_finite_audio"


class VisualError(MediaError):
    """Base of errors caused by an image, a video or a volume."""

    code = "bad_visual"


class UndecodableVisualError(VisualError):
    """The bytes are not the image, video or volume they should be, or they are damaged."""

    code = "undecodable_visual"


class EmptyVisualError(VisualError):
    """There are no bytes, or no pixels, frames or voxels in them."""

    code = "empty_visual"


class UnsupportedVisualError(VisualError):
    """The bytes are of a format or a codec this library does not read, or of another medium than the model's."""

    code = "unsupported_visual"


class VisualTooLargeError(VisualError):
    """The image, video or volume exceeds a limit on pixels, seconds or decoded size."""

    code = "visual_too_large"


class NonFiniteVisualError(VisualError):
    """Voxels are NaN or infinite."""

    code = "non_finite_visual"
