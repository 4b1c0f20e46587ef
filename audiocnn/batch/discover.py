"""The files of one medium from a mix of files and folders, lazily and in a stable order."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from audiocnn.batch.result import FileError, FileResult
from audiocnn.spec import Media

EXTENSIONS: Mapping[Media, tuple[str, ...]] = {
    "audio": (
        ".aif", ".aifc", ".aiff", ".au", ".bwf", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".rf64", ".snd",
        ".wav", ".wave",
    ),
    "image": (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"),
    "video": (
        ".3gp", ".asf", ".avi", ".flv", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm",
        ".wmv",
    ),
    "volume": (".npy", ".npz"),
}  # fmt: skip
"""What counts as a file of each medium in a folder, in any letter case. A file's content decides how it is read, never
its name."""

UNREAD: Mapping[Media, tuple[str, ...]] = {
    "audio": (
        ".aac", ".ac3", ".amr", ".ape", ".dff", ".dsf", ".m4a", ".m4b", ".mka", ".mpc", ".oma", ".ra", ".tak", ".tta",
        ".w64", ".weba", ".wma", ".wv",
    ),
    "image": (".avif", ".heic", ".heif", ".jxl"),
    "video": (".m2ts", ".mts"),
    "volume": (),
}  # fmt: skip
"""What holds a medium too, in kinds of files that are not read here: a folder's are left out, and counted."""


def discover(
    inputs: Iterable[str],
    *,
    recursive: bool = False,
    media: Media = "audio",
    left_out: Counter[str] | None = None,
) -> Iterator[str | FileResult]:
    """The files to classify: `inputs` in their order, and within a folder its files by name, then its sub-folders.

    inputs: a file is taken whatever its extension, and so is a path that leads nowhere: opening it will say why.
      A folder gives its files with one of the `EXTENSIONS` of `media`, dotfiles too.
    recursive: whether to enter sub-folders, links to folders included. Each folder is entered once, however many
      links or inputs lead to it, so loops end.
    left_out: counts the files in folders that are left out for their extension, one of `UNREAD`.
    A folder that cannot be listed gives a failed `FileResult`.
    """
    entered: set[tuple[int, int]] = set()
    left_out = Counter() if left_out is None else left_out
    for path in inputs:
        if os.path.isdir(path):
            yield from _walk(path, recursive, media, entered, left_out)
        else:
            yield path


def _walk(
    root: str, recursive: bool, media: Media, entered: set[tuple[int, int]], left_out: Counter[str]
) -> Iterator[str | FileResult]:
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield FileResult(folder, FileError("unreadable_folder", f"cannot list the folder: {error.strerror}"))
            continue
        folders = []
        for entry in entries:
            if _is_folder(entry):
                folders.append(entry.path)
            elif _is_apple_double(folder, entry.name):
                continue
            elif entry.name.lower().endswith(EXTENSIONS[media]):
                yield entry.path
            elif entry.name.lower().endswith(UNREAD[media]):
                left_out[os.path.splitext(entry.name)[1].lower()] += 1
        if recursive:
            waiting.extend(reversed(folders))


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_apple_double(folder: str, name: str) -> bool:
    """Whether the file holds the Finder's notes on another: macOS writes `._song.wav` beside `song.wav`."""
    return name.startswith("._") and os.path.lexists(os.path.join(folder, name[2:]))
