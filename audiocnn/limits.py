"""How much a file may ask for: `DecodeLimits`."""

from dataclasses import dataclass

from audiocnn.errors import AudioTooLargeError, FileTooLargeError, UndecodableAudioError

MAX_SAMPLE_RATE = 384_000
"""Hz; of files, and of what a model hears."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What a decoder accepts. `None` means no limit; the service sets all of them.

    max_bytes: encoded size. max_duration_s: seconds of sound or video. max_decoded_bytes: size of what is decoded, for
    sound the float32 samples of all channels, which holds even where a forged sample rate makes the seconds look few;
    not for video, of which a window at a time is kept.
    max_channels, min_ and max_sample_rate bound the header of sound: a rate of 1 Hz would ask the resampler for
    gigabytes. max_pixels: of one picture or frame, so that a small file cannot unfold into gigabytes.
    max_video_pixels: of all frames of a video together, which is what decoding takes time for.
    """

    max_bytes: int | None = None
    max_duration_s: float | None = None
    max_decoded_bytes: int | None = None
    max_channels: int = 32
    min_sample_rate: int = 4_000
    max_sample_rate: int = MAX_SAMPLE_RATE
    max_pixels: int = 64_000_000
    max_video_pixels: int | None = None

    def check_header(self, sample_rate: int, channels: int) -> None:
        """Raises `UndecodableAudioError` for a sample rate or a channel count outside the limits."""
        if not self.min_sample_rate <= sample_rate <= self.max_sample_rate:
            raise UndecodableAudioError(
                f"sample rate must lie between {self.min_sample_rate} and {self.max_sample_rate} Hz, the header says "
                f"{sample_rate}; resample the file or mend its header"
            )
        if not 1 <= channels <= self.max_channels:
            raise UndecodableAudioError(
                f"expected 1 to {self.max_channels} channels, the header says {channels}; mix the file down first"
            )

    def check_bytes(self, num_bytes: int) -> None:
        """Raises `FileTooLargeError` for more encoded bytes than allowed."""
        if self.max_bytes is not None and num_bytes > self.max_bytes:
            raise FileTooLargeError(
                f"at most {self.max_bytes} bytes are accepted, got {num_bytes}; send a shorter or compressed file"
            )

    def check_decoded(self, num_samples: int, sample_rate: int, channels: int) -> None:
        """Raises `AudioTooLargeError` once more has been decoded than allowed."""
        if self.max_duration_s is not None and num_samples > self.max_duration_s * sample_rate:
            raise AudioTooLargeError(
                f"at most {self.max_duration_s:g} s of audio are accepted, this file is longer; "
                "cut it, or use the batch command, which has no such limit"
            )
        if self.max_decoded_bytes is not None and 4 * num_samples * channels > self.max_decoded_bytes:
            raise AudioTooLargeError(
                f"at most {self.max_decoded_bytes} bytes of decoded audio are accepted ({channels} channels at "
                f"{sample_rate} Hz), this file has more; send fewer channels or a shorter piece"
            )
