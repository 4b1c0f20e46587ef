"""Where each kind of file keeps its genres."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audiocnn.batch.tags.chunks import ChunkError, check_chunks, info_genre
from audiocnn.errors import MissingExtraError

try:
    import mutagen
    from mutagen.aiff import AIFF
    from mutagen.apev2 import APENoHeaderError, APEv2
    from mutagen.flac import FLAC
    from mutagen.id3 import ID3, TCON, ID3NoHeaderError
    from mutagen.id3 import Encoding as Id3Encoding
    from mutagen.mp3 import MP3
    from mutagen.mp4 import MP4
    from mutagen.oggflac import OggFLAC
    from mutagen.oggopus import OggOpus
    from mutagen.oggspeex import OggSpeex
    from mutagen.oggvorbis import OggVorbis
    from mutagen.wave import WAVE
except ImportError as error:
    raise MissingExtraError("tags need mutagen: pip install 'audiocnn[batch]'") from error

_GENRE, _MP4_GENRE = "genre", "\xa9gen"

UNREADABLE: tuple[type[Exception], ...] = (mutagen.MutagenError, ChunkError)
"""What is raised for damaged files."""


class Tags(ABC):
    """The tags of one file, as they were when it was opened."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file
        if file.tags is None:
            file.add_tags()

    @property
    @abstractmethod
    def genres(self) -> tuple[str, ...]:
        """The genres in the file, each without blanks around it; none if it names none."""

    @abstractmethod
    def save(self, path: Path, genres: Sequence[str]) -> None:
        """Puts `genres` in place of those in `path`, a copy of the file. All other tags stay."""

    def of_copy(self, path: Path) -> "Tags":
        """The tags of a copy of the file, whatever its name."""
        return type(self)(path, type(self._file)(path))

    @property
    def sound(self) -> tuple[float, int | None, int]:
        """The length in seconds, the sample rate (Opus has none of its own) and the channels that the headers tell."""
        info = self._file.info
        return info.length, getattr(info, "sample_rate", None), info.channels


class _Id3Tags(Tags):
    """A file keeps the version of its ID3; version 2.2, which nothing writes any more, becomes 2.3."""

    def __init__(self, path: Path, file: Any) -> None:
        old = file.tags is not None and file.tags.version[:2] in ((2, 2), (2, 3))
        self._version = 3 if old else 4
        super().__init__(path, type(file)(path, v2_version=3) if old else file)

    @property
    def genres(self) -> tuple[str, ...]:
        return _id3_genres(self._file.tags)

    def save(self, path: Path, genres: Sequence[str]) -> None:
        encoding = Id3Encoding.UTF8 if self._version == 4 else Id3Encoding.UTF16
        frame = TCON(encoding=encoding, text=list(genres))  # type: ignore[no-untyped-call]
        self._file.tags.setall("TCON", [frame])
        # Version 2.3 has no way to tell several genres apart; most players know the one of 2.4.
        self._file.save(path, v2_version=self._version, v23_sep=None)


class _Mp3Tags(_Id3Tags):
    """MP3, where some programs write APE tags and no ID3."""

    @property
    def genres(self) -> tuple[str, ...]:
        if found := super().genres:
            return found
        try:
            return _named(APEv2(self._path).get(_GENRE, ()))  # type: ignore[no-untyped-call]
        except APENoHeaderError:
            return ()


class _ChunkTags(_Id3Tags):
    """ID3 in a chunk of a WAV or AIFF file."""

    def __init__(self, path: Path, file: Any) -> None:
        check_chunks(path)
        super().__init__(path, file)

    @property
    def genres(self) -> tuple[str, ...]:
        return super().genres or _named([info_genre(self._path)])


class _VorbisTags(Tags):
    @property
    def genres(self) -> tuple[str, ...]:
        return _named(self._file.get(_GENRE, ()))

    def save(self, path: Path, genres: Sequence[str]) -> None:
        self._file[_GENRE] = list(genres)
        self._file.save(path)


class _FlacTags(_VorbisTags):
    """FLAC, which some programs give an ID3 tag in front of its own."""

    @property
    def genres(self) -> tuple[str, ...]:
        if found := super().genres:
            return found
        try:
            return _id3_genres(ID3(self._path))  # type: ignore[no-untyped-call]
        except ID3NoHeaderError:
            return ()


class _Mp4Tags(Tags):
    @property
    def genres(self) -> tuple[str, ...]:
        return _named(self._file.get(_MP4_GENRE, ()))

    def save(self, path: Path, genres: Sequence[str]) -> None:
        self._file[_MP4_GENRE] = list(genres)
        self._file.save(path)


_KINDS: Mapping[Any, type[Tags]] = {
    MP3: _Mp3Tags,
    WAVE: _ChunkTags,
    AIFF: _ChunkTags,
    FLAC: _FlacTags,
    OggFLAC: _VorbisTags,
    OggOpus: _VorbisTags,
    OggSpeex: _VorbisTags,
    OggVorbis: _VorbisTags,
    MP4: _Mp4Tags,
}


def open_tags(path: Path) -> Tags | None:
    """The tags of the file at `path`; None for a kind of file that holds none, or none we know of.

    Raises one of `UNREADABLE` for a file that is damaged.
    """
    file = mutagen.File(path, options=list(_KINDS))
    return None if file is None else _KINDS[type(file)](path, file)


def _id3_genres(tags: Any) -> tuple[str, ...]:
    return _named(genre for frame in tags.getall("TCON") for genre in frame.genres)


def _named(genres: Any) -> tuple[str, ...]:
    return tuple(name for name in (str(genre).strip() for genre in genres) if name)
