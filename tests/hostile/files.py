"""What a hostile file is, and what may be expected of it."""

from dataclasses import dataclass

from audiocnn.limits import DecodeLimits

LIMITS = DecodeLimits(
    max_bytes=25 * 2**20, max_duration_s=600, max_decoded_bytes=256 * 2**20, max_video_pixels=20_000_000_000
)
"""Those of the service as it comes."""

ANSWER = "answer"
"""In `HostileFile.expected`: the file is read, and an answer without an error is right."""

REFUSED = frozenset({"undecodable_audio", "unsupported_audio", "empty_audio", "audio_too_large", "non_finite_audio"})
"""All codes that sound may be refused with."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """name: what is wrong with it. expected: the error codes that are right, `ANSWER` among them if it may be read."""

    name: str
    data: bytes
    expected: frozenset[str]
    medium: str = "audio"


def named(files: dict[str, tuple[bytes, str]], medium: str = "audio") -> tuple[HostileFile, ...]:
    """Files from their bytes and the codes expected of them, separated by `|`."""
    return tuple(HostileFile(name, data, frozenset(codes.split("|")), medium) for name, (data, codes) in files.items())
