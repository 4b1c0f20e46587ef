"""The API keys that are accepted, as their SHA-256 digests: who reads the configuration learns no key."""

import re
from collections.abc import Sequence
from pathlib import Path

from audiocnn.errors import ConfigError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def read_digests(listed: str, file: Path | None) -> Sequence[bytes]:
    """The SHA-256 digests of the keys that are accepted; none where neither says any.

    listed: in hexadecimal, separated by commas. file: one at the start of each line, as `sha256sum` prints them;
    empty lines and those that begin with `#` are left out. Raises `ConfigError` for anything else.
    """
    words = [word for word in re.split(r"[,\s]+", listed.lower()) if word]
    if file is not None:
        try:
            lines = [line.split() for line in file.read_text().lower().splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"AUDIOCNN_API_KEYS_FILE: {file} cannot be read; name a text file") from error
        words += [line[0] for line in lines if line and not line[0].startswith("#")]
        if not words:
            raise ConfigError(f"AUDIOCNN_API_KEYS_FILE: {file} holds no key; leave it unset to serve without keys")
    for number, word in enumerate(words, 1):
        if not _SHA256.fullmatch(word):
            # Not repeated: it may be a key that was not hashed.
            raise ConfigError(
                f"API key {number} is no SHA-256 digest of 64 hexadecimal digits; hash it with: "
                "printf %s KEY | sha256sum"
            )
    return [bytes.fromhex(word) for word in dict.fromkeys(words)]
