"""A folder of many small files that other programs see only when all of them are complete."""

import errno
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

LIST, PART = ".audiocnn-files", ".audiocnn-part"
"""In such a folder: which of its files are ours, and where those of an unfinished batch lie."""


class NewFiles:
    """The files of an unfinished folder, no two of which have one name."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, name: PurePath) -> Path:
        """An empty file called `name`, a relative path, or `name (2)` and so on where that is taken.

        A name too long for the file system becomes a hash of it.
        """
        try:
            return self._create(name)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
            return self._create(PurePath(digest + name.suffix))

    def _create(self, name: PurePath) -> Path:
        return _place(self._root, name, lambda path: path.touch(exist_ok=False))


@contextmanager
def complete_folder(path: Path) -> Iterator[NewFiles]:
    """New files for the folder `path`, which it gets when the block ends without an error.

    Until then, and after a crash, it holds what it held before; the new files lie in `PART` inside. Files of an earlier
    batch (those in `LIST`) are replaced, or removed if they are not among the new ones; no other file is. A new file
    whose name someone else's has becomes `name (2)`.
    """
    part = path / PART
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    try:
        yield NewFiles(part)
    except Exception:
        shutil.rmtree(part)
        raise
    _remove_old(path, part)
    _move(part, path)


def mirrored(path: str, suffix: str) -> PurePath:
    """The name of what belongs to the input `path`: that path as a relative one, and `suffix` behind its extension.

    `../music/a.wav` becomes `up/music/a.wav.txt`, and `/music/a.wav` becomes `music/a.wav.txt`.
    """
    normal = PurePath(os.path.normpath(path))
    parts = ["up" if part == os.pardir else part for part in normal.parts if part != normal.anchor]
    return PurePath(*parts[:-1], parts[-1] + suffix)


def _place(root: Path, name: PurePath, claim: Callable[[Path], None]) -> Path:
    """The first path for `name` below `root` that `claim` does not refuse with `FileExistsError`; makes its folders."""
    folder = root
    for part in name.parts[:-1]:
        folder = _free(folder, part, lambda path: path.mkdir(exist_ok=True))
    return _free(folder, name.name, claim)


def _free(folder: Path, name: str, claim: Callable[[Path], None]) -> Path:
    stem, extension = os.path.splitext(name)
    for number in itertools.count(1):
        path = folder / (name if number == 1 else f"{stem} ({number}){extension}")
        with suppress(FileExistsError):
            claim(path)
            return path
    raise AssertionError("numbers do not end")


def _remove_old(path: Path, part: Path) -> None:
    """Removes the files of earlier batches that have no successor in `part`, and folders that this leaves empty."""
    for name in _listed(path):
        if (part / name).is_file():
            continue
        with suppress(OSError):  # gone already, or no longer a file
            (path / name).unlink()
            for folder in name.parents[:-1]:
                (path / folder).rmdir()


def _move(part: Path, path: Path) -> None:
    with (path / f"{LIST}.new").open("w", encoding="ascii") as new:
        for name in _listed(path):
            if (part / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(part / name, path / name)
                new.write(_line(name))
        # The list has each name before the file gets there: whatever stops this, the next batch knows it as ours.
        with (path / LIST).open("a", encoding="ascii") as listed:
            for name in _files(part):
                place = _place(path, name, _refuse_existing)
                for listing in (listed, new):
                    listing.write(_line(place.relative_to(path)))
                listed.flush()
                os.replace(part / name, place)
    os.replace(path / f"{LIST}.new", path / LIST)
    shutil.rmtree(part)


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):
        raise FileExistsError(path)


def _line(name: PurePath) -> str:
    return json.dumps(os.fspath(name)) + "\n"


def _files(root: Path) -> Iterator[PurePath]:
    for folder, _, names in os.walk(root):
        for name in names:
            yield PurePath(os.path.relpath(folder, root), name)


def _listed(path: Path) -> Iterator[PurePath]:
    with suppress(FileNotFoundError), (path / LIST).open(encoding="ascii") as listing:
        for line in listing:
            try:
                name = PurePath(json.loads(line))
            except (ValueError, TypeError):  # cut short, or changed by someone
                continue
            if not name.is_absolute() and os.pardir not in name.parts:
                yield name
