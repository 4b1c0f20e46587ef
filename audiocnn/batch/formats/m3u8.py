"""Playlists for music players: an extended M3U in UTF-8 for each label."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from audiocnn.batch.complete_folder import NewFiles, complete_folder
from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult
from audiocnn.prediction import AudioInfo, MediaInfo, Result, VideoInfo

_NOT_IN_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]|^\.|[. ]$')  # on one system or another


class PlaylistWriter:
    """A file goes to the playlist of each of its `Selection.genres`.

    What is unknown, silent or failed goes to none. Entries are relative to the folder of the playlists, so they hold
    as long as both move together.
    """

    def __init__(self, files: NewFiles, folder: Path, selection: Selection) -> None:
        self._files = files
        self._folder = folder.resolve()
        self._selection = selection
        self._playlists: dict[str, Path] = {}

    def write(self, file: FileResult) -> None:
        if not isinstance(file.outcome, Result):
            return
        for name in self._selection.genres(file.outcome):
            # A name that is not UTF-8 keeps its bytes: no other bytes lead a player to the file.
            with self._playlist(name).open("a", encoding="utf-8", errors="surrogateescape", newline="\n") as playlist:
                playlist.write(_entry(file.path, file.outcome.media, self._folder))

    def _playlist(self, name: str) -> Path:
        if name not in self._playlists:
            path = self._files.create(PurePath(_NOT_IN_NAMES.sub("-", name) + ".m3u8"))
            path.write_text(f"#EXTM3U\n#PLAYLIST:{_on_a_line(name)}\n", encoding="utf-8", newline="\n")
            self._playlists[name] = path
        return self._playlists[name]


@contextmanager
def open_m3u8(path: Path, selection: Selection) -> Iterator[PlaylistWriter]:
    with complete_folder(path) as files:
        yield PlaylistWriter(files, path, selection)


def _entry(path: str, media: MediaInfo, folder: Path) -> str:
    where = Path(path).absolute()
    title = _on_a_line(where.stem)
    length = round(media.duration_s) if isinstance(media, AudioInfo | VideoInfo) else -1
    if "\n" in path or "\r" in path:  # only an address can hold a line break, escaped
        return f"#EXTINF:{length},{title}\n{where.as_uri()}\n"
    # Links to folders are followed first: `..` behind one would lead elsewhere.
    relative = os.path.relpath(where.parent.resolve() / where.name, folder)
    if relative.startswith("#"):
        relative = os.path.join(os.curdir, relative)
    return f"#EXTINF:{length},{title}\n{relative}\n"


def _on_a_line(text: str) -> str:
    return " ".join(text.split())
