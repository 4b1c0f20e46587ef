"""What every corpus becomes: a new folder with files and `manifest.csv`, complete or not there at all."""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiocnn.errors import ConfigError

MANIFEST = "manifest.csv"


class CorpusFolder:
    """A corpus being written: its files so far, and their rows in the manifest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, str]] = []
        self._files: set[Path] = set()
        self._parents: set[Path] = set()

    def add(self, path: str, label: str, **columns: str) -> Path:
        """Enter a row for the file `path`, relative to the folder, and return where to write that file.

        `columns` such as split, fold and group are the same in every row.
        Raises `ConfigError` for a path that leads out of the folder, as a label may that a table names, and for one
        that was entered before: its file would be written over.
        """
        target = self.folder / path
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise ConfigError(
                f"the corpus would have {path}, which leads out of its folder; mend that label or name in the source, "
                "or fetch it again"
            )
        if target in self._files:
            raise ConfigError(
                f"the corpus would have {path} twice; rename one of the two in the source or take it out of its table"
            )
        self._files.add(target)
        if target.parent not in self._parents:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._parents.add(target.parent)
        self.rows.append({"path": path, "label": label, **columns})
        return target

    def summary(self) -> str:
        """How many files there are, by split or fold where there is one, and by label."""
        counts = [Counter(row[column] for row in self.rows if column in row) for column in ("split", "fold", "label")]
        parts = [", ".join(f"{name} {number}" for name, number in sorted(count.items())) for count in counts if count]
        return f"{len(self.rows)} files; {'; '.join(parts)}"


@contextmanager
def new_corpus(destination: Path) -> Iterator[CorpusFolder]:
    """The corpus folder `destination`, which appears when the block ends without an error, manifest and all.

    Raises `ConfigError` if `destination` is there already and not an empty folder, or cannot be written.
    """
    try:
        if destination.exists() and not (destination.is_dir() and not any(destination.iterdir())):
            raise ConfigError(f"{destination} is there already and is not overwritten; remove it or name a new folder")
        unfinished = destination.parent / f".{destination.name}.{os.getpid()}.unfinished"
        unfinished.mkdir(parents=True)
        try:
            corpus = CorpusFolder(unfinished)
            yield corpus
            with (unfinished / MANIFEST).open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(corpus.rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(corpus.rows)
            unfinished.rename(destination)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise ConfigError(
            f"cannot write the corpus {destination}: {error.filename or ''} {error.strerror or error}; "
            "make room or name another folder"
        ) from error


def need_folder(source: Path, what: str) -> None:
    """Raise `ConfigError` unless `source` is a folder; `what` says which files it should hold."""
    if not source.is_dir():
        raise ConfigError(f"{source} is not a folder; expected one with {what}")


def need_file(path: Path, what: str) -> None:
    """Raise `ConfigError` unless `path` is a file; `what` says which files its folder should hold."""
    need_folder(path.parent, what)
    if not path.is_file():
        there = sorted(entry.name for entry in path.parent.iterdir())
        listed = ", ".join(there[:8]) + (", ..." if len(there) > 8 else "")
        raise ConfigError(f"{path} does not exist; expected {what}, the folder has {listed or 'nothing'}")
