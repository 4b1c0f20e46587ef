"""Audio files of corpora: decoded once to see that they are whole, then copied or linked."""

import contextlib
import os
import shutil
from pathlib import Path

from audiocnn.audio.decode import checked_blocks, open_audio
from audiocnn.errors import AudioCnnError, ConfigError


def check_audio(path: Path) -> None:
    """Read a file to its end, as training will. Raises `ConfigError` if it is missing, damaged, empty or cut short."""
    try:
        with open_audio(path) as reader:
            for _ in checked_blocks(reader):
                pass
    except AudioCnnError as error:
        raise ConfigError(f"{path} cannot be used, fetch it again: {error}") from error
    if reader.warnings:
        raise ConfigError(f"{path} cannot be used, fetch it again: {'; '.join(reader.warnings)}")


def place(source: Path, target: Path, *, link: bool) -> None:
    """Give the file `source` also the name `target`: as a hard link where `link` is set and possible, else a copy."""
    if link:
        # Refused between file systems, on some of them, and for files that belong to somebody else.
        with contextlib.suppress(OSError):
            os.link(source.resolve(), target)
            return
    shutil.copyfile(source, target)
