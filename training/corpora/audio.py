"""Audio files of corpora: decoded once to see that they are whole, then copied or linked."""

import os
import shutil
from collections.abc import Container
from pathlib import Path

from audiocnn.audio.decode import checked_blocks, open_audio
from audiocnn.errors import AudioCnnError, ConfigError


def check_audio(path: Path) -> float:
    """Read a file to its end, as training will, and return its seconds.

    Raises `ConfigError` if it is missing, damaged, empty or cut short.
    """
    try:
        with open_audio(path) as reader:
            for _ in checked_blocks(reader):
                pass
    except AudioCnnError as error:
        raise ConfigError(f"{path} cannot be used, fetch it again: {error}") from error
    if reader.warnings:
        raise ConfigError(f"{path} cannot be used, fetch it again: {'; '.join(reader.warnings)}")
    return reader.num_samples / reader.sample_rate


class LeftOut:
    """The recordings of a corpus that cannot be used and are left out: those known to be broken, or all of them.

    known: their names. all: whether any other may be left out as well.
    """

    def __init__(self, known: Container[str], *, all: bool = False) -> None:
        self._known = known
        self._all = all
        self._names: list[str] = []

    def check(self, path: Path) -> float | None:
        """What `check_audio` gives and raises, but None for a file to leave out."""
        try:
            return check_audio(path)
        except ConfigError:
            if not self._all and path.stem not in self._known:
                raise
            self._names.append(path.name)
            return None

    def summary(self) -> str:
        """The end of a summary; empty if all could be used."""
        listed = ", ".join(self._names[:8]) + (", ..." if len(self._names) > 8 else "")
        return f"; left out as they cannot be read: {len(self._names)}, {listed}" if self._names else ""


def place(source: Path, target: Path, *, link: bool) -> None:
    """Give the file `source` also the name `target`: as a hard link where `link` is set and possible, else a copy.

    Raises `FileExistsError` where a link would take the place of another file: what is written there as a copy instead
    may go through an earlier link, into the source.
    """
    if link:
        try:
            os.link(source.resolve(), target)
            return
        except FileExistsError:
            raise
        except OSError:
            pass  # refused between file systems, on some of them, and for files that belong to somebody else
    shutil.copyfile(source, target)
